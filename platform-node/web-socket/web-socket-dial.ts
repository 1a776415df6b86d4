import type { Socket } from 'node:net';
import { Observable } from 'rxjs';
import { type ClientOptions, WebSocket } from 'ws';
import type { Connection, Connections } from '../../core/connection/connection.ts';
import { fromWebSocket, type WebSocketLike } from '../../core/connection/web-socket.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { GatheredWriter } from './gathered-writer.ts';
import { type PeerSettings, WebSocketPeer } from './web-socket-peer.ts';

export interface WebSocketDialOptions {
  /** The largest frame the relay may send, in bytes. A larger one ends the connection. @defaultValue 65 547: the protocol's largest */
  readonly maxFrame?: number;
  /** The connection is saturated while more than this many bytes wait to be sent. @defaultValue 1 MiB */
  readonly highWater?: number;
  /** It is relieved when no more than this many are left. @defaultValue 256 KiB */
  readonly lowWater?: number;
  /** Milliseconds the connection may take to open. @defaultValue 10 000 */
  readonly openTimeout?: number;
  /** Milliseconds the relay has to answer a close before it is cut off. @defaultValue 2000 */
  readonly closeTimeout?: number;
  /** Headers of the opening request, for proxies. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Connects to a relay over WebSocket (`ws://` or `wss://`): each subscription dials once and emits the connection when
 * it is open; unsubscribing closes it.
 *
 * Completes when the connection ended cleanly or was ended on this side; errors with a `ClaspError` when it could not
 * be opened (502, also 402 for a malformed URL), was lost (502), or was closed with an error, so that
 * `retry({ delay })` reconnects. Frames sent during one turn of the event loop leave in one write.
 *
 * @example
 * ```ts
 * webSocketDial('ws://localhost:7330')
 *   .pipe(retry({ delay: 1_000 }))
 *   .subscribe(({ incoming }) => incoming.subscribe({ next: (frame) => console.log(frame.length), error: () => {} }));
 * ```
 */
export function webSocketDial(url: string, options: WebSocketDialOptions = {}): Connections {
  const { maxFrame = 65_547, highWater = 1_048_576, lowWater = 262_144 } = options;
  const { openTimeout = 10_000, closeTimeout = 2_000, headers = {} } = options;

  return new Observable<Connection>((subscriber) => {
    const settings: PeerSettings = {
      writer: new GatheredWriter(true),
      server: false,
      maxFrame,
      highWater,
      lowWater,
      ended: (_, failure) => (failure ? subscriber.error(failure) : subscriber.complete()),
    };
    const limits: ClientOptions & { closeTimeout: number } = {
      perMessageDeflate: false,
      maxPayload: maxFrame,
      handshakeTimeout: openTimeout,
      headers: { ...headers },
      closeTimeout,
    };
    let webSocket: WebSocket;
    try {
      webSocket = new WebSocket(url, 'clasp', limits);
    } catch (cause) {
      subscriber.error(new ClaspError(ErrorCode.BadValue, `not a WebSocket URL: ${url}`, { value: url, cause }));
      return undefined;
    }

    let socket: Socket | null | undefined;
    let peer: Connection | undefined;
    webSocket.on('upgrade', (response) => {
      socket = response.socket;
    });
    webSocket.on('open', () => {
      peer = canWrite(socket)
        ? new WebSocketPeer('ws-dial', webSocket, socket, settings)
        : fromWebSocket(webSocket as WebSocketLike, 'ws-dial', {
            peer: new URL(url).host,
            maxFrame,
            highWater,
            lowWater,
            ended: (failure) => (failure ? subscriber.error(failure) : subscriber.complete()),
          });
      subscriber.next(peer);
    });
    webSocket.on('error', (cause) => {
      // From the moment it is open the connection itself tells how it ended.
      if (!peer)
        subscriber.error(new ClaspError(ErrorCode.Timeout, `cannot reach ${url}: ${cause.message}`, { cause }));
    });

    return () => {
      if (peer) peer.outgoing.complete();
      else webSocket.terminate();
    };
  });
}

/** Whether frames can go straight to the socket: the WebSocket of Bun and Deno that stands for `ws` does not show it. */
function canWrite(socket: Socket | null | undefined): socket is Socket {
  return typeof socket?.write === 'function';
}
