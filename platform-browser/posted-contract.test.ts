import { describe, it } from 'vitest';
import type { Connection, Connections } from '../core/connection/connection.ts';
import { type ConnectionPair, connectionContract } from '../testing/connection-contract.ts';
import { broadcastChannelDial, broadcastChannelListener } from './broadcast-channel.ts';
import {
  type MessageEventTarget,
  type MessagePostTarget,
  messagePortConnection,
  messagePortDial,
  messagePortListener,
} from './message-port.ts';

// Over the MessageChannel and BroadcastChannel of Node; connections.chromium.test.ts does it in a browser.

/** What `dial` emits, and what `listener` accepts then. */
async function openPair(listener: Connections, dial: Connections): Promise<ConnectionPair> {
  let listening = { unsubscribe: (): void => undefined };
  let dialling = listening;
  const accepted = new Promise<Connection>((resolve, reject) => {
    listening = listener.subscribe({ next: resolve, error: reject });
  });
  const dialled = new Promise<Connection>((resolve, reject) => {
    dialling = dial.subscribe({ next: resolve, error: reject });
  });
  return {
    a: await dialled,
    b: await accepted,
    close: () => {
      dialling.unsubscribe();
      listening.unsubscribe();
    },
  };
}

const swapped = async (pair: Promise<ConnectionPair>): Promise<ConnectionPair> => {
  const { a, b, close } = await pair;
  return { a: b, b: a, close };
};

// Nothing holds up a port's other end within one thread but the thread itself.
const runner = { describe, it, pausing: false };

connectionContract(
  'messagePortConnection',
  async (options) => {
    const { port1, port2 } = new MessageChannel();
    const [a, b] = [messagePortConnection(port1, options), messagePortConnection(port2, options)];
    return { a, b, close: () => a.outgoing.complete() };
  },
  runner,
);

const overPort = (options = {}) => {
  const target = new MessageTarget();
  return openPair(messagePortListener({ target, ...options }), messagePortDial({ target, ...options }));
};
connectionContract('messagePortDial to messagePortListener', overPort, runner);

let channels = 0;
const overBroadcast = (options = {}) => {
  const name = `contract-${++channels}`;
  return openPair(broadcastChannelListener({ name, ...options }), broadcastChannelDial({ name, ...options }));
};
connectionContract('broadcastChannelDial to broadcastChannelListener', overBroadcast, runner);
connectionContract(
  'broadcastChannelListener to broadcastChannelDial',
  (options) => swapped(overBroadcast(options)),
  runner,
);

/** A window, as far as messages go. */
class MessageTarget implements MessageEventTarget, MessagePostTarget {
  readonly #listeners = new Set<(event: MessageEvent) => void>();

  addEventListener(_: 'message', listener: (event: MessageEvent) => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_: 'message', listener: (event: MessageEvent) => void): void {
    this.#listeners.delete(listener);
  }

  postMessage(data: unknown, { transfer = [] }: { transfer?: Transferable[] }): void {
    const event = new MessageEvent('message', { data, ports: transfer as MessagePort[] });
    for (const listener of this.#listeners) queueMicrotask(() => listener(event));
  }
}
