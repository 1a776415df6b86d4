import type { Connection } from '../core/connection/connection.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { decodeFrame, encodeMessage } from '../core/wire/index.ts';
import type { HelloMessage, Message, QoS } from '../core/wire/message.ts';

/** A peer that speaks the bare protocol: what it sends is what you say, what it got you can read. */
export interface WirePeer<C extends Connection = Connection> {
  /** Sends one message as one frame. @defaultValue QoS 0 */
  send(message: Message, options?: { readonly qos?: QoS; readonly timestamp?: number }): void;
  /** Sends bytes as they are, however wrong. */
  sendBytes(bytes: Uint8Array): void;
  /** Greets: HELLO with this name and token. */
  hello(name?: string, token?: string): void;
  /** Every message received and not yet taken, oldest first. */
  readonly received: readonly Message[];
  /** Gives what was received since the last call. */
  take(): Message[];
  /** Undefined while open; then whether it was closed cleanly or why it was not. */
  readonly ended: 'closed' | ClaspError | undefined;
  /** Its end of the connection. */
  readonly connection: C;
  /** Hangs up. */
  close(): void;
}

/**
 * Speaks the protocol over a connection without any client logic: for tests of relays.
 *
 * @example
 * ```ts
 * const [here, there] = memoryPair();
 * const relay = router();
 * relay(of(there)).subscribe();
 * const peer = wirePeer(here);
 * peer.hello('probe');
 * peer.take().map(({ type }) => type); // ['WELCOME', 'SNAPSHOT']
 * ```
 */
export function wirePeer<C extends Connection>(connection: C): WirePeer<C> {
  let received: Message[] = [];
  let ended: 'closed' | ClaspError | undefined;
  connection.incoming.subscribe({
    next: (bytes) => received.push(decodeFrame(bytes.slice()).message),
    error: (cause) => {
      ended = ClaspError.from(cause, ErrorCode.Internal);
    },
    complete: () => {
      ended = 'closed';
    },
  });

  const send = (message: Message, options: { readonly qos?: QoS; readonly timestamp?: number } = {}) =>
    connection.outgoing.next(encodeMessage(message, options));

  return {
    connection,
    send,
    sendBytes: (bytes) => connection.outgoing.next(bytes),
    hello: (name = 'peer', token) => {
      const hello: HelloMessage = { type: 'HELLO', version: 1, name, features: ['param', 'event', 'stream'], token };
      send(hello);
    },
    get received() {
      return received;
    },
    take() {
      const taken = received;
      received = [];
      return taken;
    },
    get ended() {
      return ended;
    },
    close: () => connection.outgoing.complete(),
  };
}
