import type { Observable, Observer } from 'rxjs';

/** One peer, as two streams of frames. */
export interface Connection {
  /** Stable for the life of the connection; for logs and scopes, never for authority. */
  readonly id: string;
  /** Where the peer is, for people: `127.0.0.1:50312`, `broadcast-channel clasp`. */
  readonly peer?: string | undefined;
  /**
   * Frames from the peer, one Uint8Array a frame. Hot: subscribe in the turn you receive the connection, once.
   * The bytes are yours only until the subscriber returns; copy what you keep, unless {@link handsOver} says more.
   * Completes when the peer closes cleanly; errors with a `ClaspError` otherwise.
   */
  readonly incoming: Observable<Uint8Array>;
  /**
   * Whether the bytes of `incoming` are the subscriber's for good, to keep and to change: nobody else has them.
   * They may be part of a larger buffer, which then stays in memory as long as they do. @defaultValue `false`
   */
  readonly handsOver?: boolean;
  /**
   * How many times bytes were read from the peer, now that a frame comes: frames that were read together came at one
   * time. Absent: each frame by itself.
   */
  readonly reads?: number | undefined;
  /**
   * Frames to the peer, in order. Never throws; ignored after the end. A frame handed over must not be changed
   * afterwards, and may be handed to many connections. `complete` closes, `error` closes with the `ClaspError`'s
   * reason as the peer's close reason, both after everything handed over before has been sent.
   */
  readonly outgoing: Observer<Uint8Array>;
  /**
   * Whether the peer lags behind: hold back what can be conflated while `true`. Replays its value to a new
   * subscriber, then tells every change; may change while `outgoing.next` runs. Completes with the connection.
   */
  readonly saturated: Observable<boolean>;
  /** The largest frame the peer can take, in bytes, header included. Absent: as large as the protocol allows. */
  readonly maxFrame?: number | undefined;
  /** Whether the peer is a slow device, which is sent nothing at the greeting that it did not ask for. @defaultValue `false` */
  readonly narrow?: boolean | undefined;
  /**
   * What the transport knows of who connects: its IP address, whether the way is encrypted, and a token that came with
   * the request. @defaultValue nothing
   */
  readonly arrival?:
    | { readonly peer?: string | undefined; readonly secure?: boolean | undefined; readonly token?: string | undefined }
    | undefined;
  /** Asks the transport below whether the peer is alive (a WebSocket ping) and calls back when it answered. */
  readonly ping?: ((answered: () => void) => void) | undefined;
}

/**
 * Where connections come from. Subscribing binds (or dials), unsubscribing stops and closes what it opened,
 * an error means it cannot go on.
 */
export type Connections = Observable<Connection>;
