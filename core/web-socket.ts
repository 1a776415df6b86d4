import { asyncScheduler, Observable, type Observer, type SchedulerLike, type Subscription } from 'rxjs';
import type { Connection } from './connection.ts';
import { Emitter } from './emitter.ts';
import { ClaspError } from './errors.ts';
import { clientCloseCode, closeError, closeReason } from './web-socket-close.ts';

/** The part of the W3C WebSocket interface used here: a browser's WebSocket has it, and so has the client of `ws`. */
export interface WebSocketLike {
  binaryType: string;
  /** Bytes handed to `send` that have not left yet. */
  readonly bufferedAmount: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  addEventListener(type: 'error', listener: () => void): void;
}

export interface FromWebSocketOptions {
  /** Where the peer is, for people. */
  readonly peer?: string;
  /** The largest frame the peer may send, in bytes. A larger one ends the connection. @defaultValue 65 547: the protocol's largest */
  readonly maxFrame?: number;
  /** The connection is saturated while more than this many bytes wait to be sent. @defaultValue 1 MiB */
  readonly highWater?: number;
  /** It is relieved when no more than this many are left. @defaultValue 256 KiB */
  readonly lowWater?: number;
  /** Milliseconds between two looks at `bufferedAmount` while saturated; no event tells. @defaultValue 10 */
  readonly pollInterval?: number;
  /** Timer of those looks. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike;
  /** Called once, after `incoming` has ended, with what the connection failed of, if it did. */
  readonly ended?: (failure: ClaspError | undefined) => void;
}

/**
 * A connection over an open W3C WebSocket.
 *
 * It closes with 1000, or with 4000 + code and the reason of an error, which is what browsers allow. A received close
 * becomes completion or a `ClaspError` as {@link closeError} says. A text message is handed over as its UTF-8 bytes:
 * they are no frame, and whoever decodes them says so to the peer.
 *
 * @example
 * ```ts
 * const socket = new WebSocket('ws://localhost:7330', 'clasp');
 * socket.addEventListener('open', () => {
 *   const { incoming } = fromWebSocket(socket, 'relay');
 *   incoming.subscribe({ next: (frame) => console.log(frame.length), error: (lost) => console.warn(lost.message) });
 * });
 * ```
 */
export function fromWebSocket(socket: WebSocketLike, id: string, options: FromWebSocketOptions = {}): Connection {
  const { peer, maxFrame = 65_547, highWater = 1_048_576, lowWater = 262_144 } = options;
  const { pollInterval = 10, scheduler = asyncScheduler, ended } = options;
  const incoming = new Emitter<Uint8Array>();
  const saturations = new Emitter<boolean>();
  let open = true;
  let failure: ClaspError | undefined;
  let polling: Subscription | undefined;

  const look = () => {
    if (socket.bufferedAmount > lowWater) {
      polling = scheduler.schedule(look, pollInterval);
    } else {
      polling = undefined;
      saturations.next(false);
    }
  };
  const close = (code: number, reason?: string) => {
    if (!open) return;
    open = false;
    socket.close(code, reason);
  };
  const receive = (data: unknown) => {
    if (!open) return;
    const frame = typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data as ArrayBuffer);
    if (frame.length <= maxFrame) {
      incoming.next(frame);
      return;
    }
    failure = new ClaspError(100, `frame of ${frame.length} bytes, at most ${maxFrame}`);
    close(clientCloseCode(failure.code), failure.reason);
    incoming.error(failure);
  };

  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', ({ data }) => receive(data));
  socket.addEventListener('error', () => undefined); // `ws` ends the process on an unheard one; 'close' follows
  socket.addEventListener('close', ({ code, reason }) => {
    if (open) failure = closeError(code, reason);
    open = false;
    polling?.unsubscribe();
    if (failure) incoming.error(failure);
    else incoming.complete();
    saturations.complete();
    ended?.(failure);
  });

  const outgoing: Observer<Uint8Array> = {
    next: (frame) => {
      if (!open) return;
      socket.send(frame as Uint8Array<ArrayBuffer>);
      if (polling || socket.bufferedAmount <= highWater) return;
      polling = scheduler.schedule(look, pollInterval);
      saturations.next(true);
    },
    error: (cause) => {
      const error = ClaspError.from(cause, 500);
      close(clientCloseCode(error.code), closeReason(error));
    },
    complete: () => close(1000),
  };
  const saturated = new Observable<boolean>((out) => {
    if (open) out.next(polling !== undefined);
    return saturations.subscribe(out);
  });
  return { id, peer, incoming, outgoing, saturated };
}
