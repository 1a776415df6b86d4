import { Observable, type Observer, type SchedulerLike, type Subscription } from 'rxjs';
import { ClaspError, type ErrorCode } from '../errors.ts';
import { monotonicScheduler } from '../time/monotonic-scheduler.ts';
import type { Connection } from './connection.ts';
import { Emitter } from './emitter.ts';

/**
 * What a close code other than 1000, 1001 and 4000 + code means here, and what to say when no reason came with it. The
 * codes of errors are written out: an object of constants would travel whole to a page.
 */
const MEANINGS: { readonly [closeCode: number]: readonly [code: ErrorCode, reason?: string] } = {
  1002: [100],
  1003: [100],
  1006: [502, 'connection lost'],
  1007: [100],
  1008: [300, 'refused by the peer'],
  1009: [100, 'frame too large for the peer'],
  1012: [503, 'the peer restarts'],
  1013: [503, 'the peer is overloaded'],
};

/** A close frame carries at most this many bytes of reason. */
const MAX_REASON = 123;

/**
 * The close code a server sends for an error: 1002 for 100–102, 1008 for 300–302, 1011 for 500, 1013 for 503, and
 * 4000 + code for all others, since no code of RFC 6455 says what they say.
 */
export function serverCloseCode({ code }: ClaspError): number {
  if (code >= 100 && code <= 102) return 1002;
  if (code >= 300 && code <= 302) return 1008;
  if (code === 500) return 1011;
  return code === 503 ? 1013 : clientCloseCode(code);
}

/** The close code a client sends for an error, 4000 + code: browsers throw on all but 1000 and 3000–4999. */
export function clientCloseCode(code: ErrorCode): number {
  return 4000 + (Number.isInteger(code) && code > 0 && code < 1000 ? code : 500);
}

/** The reason as a close frame can carry it: cut to 123 bytes of UTF-8, between two characters. */
export function closeReason({ reason }: ClaspError): string {
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(MAX_REASON));
  return reason.slice(0, read);
}

/**
 * What a received close means: undefined for a clean one (1000, 1001, or none given), otherwise the error, with the
 * peer's reason where it gave one. A lost connection (1006) is 502, 1008 is 300, 4000 + code is that code.
 */
export function closeError(code: number, reason: string): ClaspError | undefined {
  if (code === 1000 || code === 1001 || code === 1005) return undefined;
  if (code > 4000 && code < 5000) return new ClaspError(code - 4000, reason || 'closed by the peer');
  const [meaning, text = `closed with ${code}`] = MEANINGS[code] ?? [500];
  return new ClaspError(meaning, reason || text);
}

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
  /** Timer of those looks. @defaultValue `monotonicScheduler` */
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
  const { pollInterval = 10, scheduler = monotonicScheduler, ended } = options;
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
