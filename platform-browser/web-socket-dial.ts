import { Observable, type SchedulerLike } from 'rxjs';
import type { Connection, Connections } from '../core/connection/connection.ts';
import { fromWebSocket } from '../core/connection/web-socket.ts';
import { ClaspError } from '../core/errors.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';

export interface WebSocketDialOptions {
  /** The largest frame the relay may send, in bytes. A larger one ends the connection. @defaultValue 65 547: the protocol's largest */
  readonly maxFrame?: number;
  /** The connection is saturated while more than this many bytes wait to be sent. @defaultValue 1 MiB */
  readonly highWater?: number;
  /** It is relieved when no more than this many are left. @defaultValue 256 KiB */
  readonly lowWater?: number;
  /** Milliseconds the connection may take to open. @defaultValue 10 000 */
  readonly openTimeout?: number;
  /** Timer of the above. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/**
 * Connects to a relay over WebSocket: each subscription dials once and emits the connection when it is open;
 * unsubscribing closes it.
 *
 * Completes when the connection ended cleanly or was ended on this side; errors with a `ClaspError` when it could not
 * be opened (502, also 402 for a malformed URL), was lost (502), or was closed with an error, so that
 * `retry({ delay })` reconnects. A browser does not tell why it could not connect.
 *
 * @example
 * ```ts
 * webSocketDial('ws://localhost:7330')
 *   .pipe(retry({ delay: 1_000 }))
 *   .subscribe(({ incoming }) => incoming.subscribe({ next: (frame) => console.log(frame.length), error: console.warn }));
 * ```
 */
export function webSocketDial(url: string, options: WebSocketDialOptions = {}): Connections {
  const { openTimeout = 10_000, scheduler = monotonicScheduler } = options;

  return new Observable<Connection>((subscriber) => {
    let socket: WebSocket;
    try {
      socket = new WebSocket(url, 'clasp');
    } catch (cause) {
      subscriber.error(new ClaspError(402, `not a WebSocket URL: ${url}`, { value: url, cause }));
      return undefined;
    }
    let connection: Connection | undefined;
    const unreachable = (why: string) =>
      subscriber.error(new ClaspError(502, `cannot reach ${url}: ${why}`, { value: url }));
    const patience = scheduler.schedule(() => unreachable(`no answer within ${openTimeout} ms`), openTimeout);
    const refused = () => unreachable('connection failed');

    socket.addEventListener('close', refused);
    socket.addEventListener('open', () => {
      patience.unsubscribe();
      socket.removeEventListener('close', refused);
      connection = fromWebSocket(socket, 'ws-dial', {
        ...options,
        peer: url,
        ended: (failure) => (failure ? subscriber.error(failure) : subscriber.complete()),
      });
      subscriber.next(connection);
    });

    return () => {
      patience.unsubscribe();
      if (connection) connection.outgoing.complete();
      else socket.close();
    };
  });
}
