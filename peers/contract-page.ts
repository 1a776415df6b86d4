// What connections.chromium.test.ts loads into a page and into the frame inside it.
import type { Connection, Connections } from '../core/connection/connection.ts';
import { ClaspError } from '../core/errors.ts';
import { broadcastChannelDial, broadcastChannelListener } from '../platform-browser/broadcast-channel.ts';
import { messagePortDial, messagePortListener } from '../platform-browser/message-port.ts';
import { webSocketDial } from '../platform-browser/web-socket-dial.ts';
import { type ConnectionPair, type ConnectionPairOptions, connectionContract } from '../testing/connection-contract.ts';

/** A law, and what was wrong if it was broken. */
export interface LawResult {
  readonly law: string;
  readonly broken: string | undefined;
}

/** The page's side, called by the test. */
export interface ContractPage {
  readonly overWebSocket: (url: string) => Promise<LawResult[]>;
  readonly overMessagePort: () => Promise<LawResult[]>;
  readonly overBroadcastChannel: () => Promise<LawResult[]>;
  /** Opens one connection to the listener of another tab. */
  readonly joinTab: (name: string) => Promise<void>;
  /** Listens; tells how each connection ended. */
  readonly hostTab: (name: string, heartbeat: number) => void;
  readonly ends: string[];
  readonly accepted: Connection[];
}

declare global {
  interface Window {
    contract: ContractPage;
    /** The frame's side: dials from there. */
    fromFrame: {
      readonly messagePort: (options?: object) => Connections;
      readonly broadcastChannel: (options: object) => Connections;
      readonly error: (code: number, reason: string) => ClaspError;
    };
    /** Given by the test. */
    holdReading(hold: boolean): Promise<void>;
  }
}

type OpenPair = (options?: ConnectionPairOptions) => Promise<ConnectionPair>;

/** Runs the contract with the smallest test runner there is. */
async function run(name: string, openPair: OpenPair, pausing: boolean): Promise<LawResult[]> {
  const laws: [string, () => Promise<void>][] = [];
  connectionContract(name, openPair, {
    describe: (_, define) => define(),
    it: (law, test) => void laws.push([law, test]),
    pausing,
  });
  const results: LawResult[] = [];
  for (const [law, test] of laws) {
    const broken = await test().then(
      () => undefined,
      (error) => String(error),
    );
    results.push({ law, broken });
  }
  return results;
}

interface Opened {
  readonly connection: Connection;
  readonly stop: () => void;
}

function first(connections: Connections): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const subscription = connections.subscribe({
      next: (connection) => resolve({ connection, stop: () => subscription.unsubscribe() }),
      error: reject,
    });
  });
}

/** The pair of a dial in the frame and a listener here. A frame has classes of its own, also that of errors. */
async function joined(listener: Connections, dial: Connections): Promise<ConnectionPair> {
  const accepting = first(listener);
  const dialled = await first(dial);
  const accepted = await accepting;
  const { outgoing } = dialled.connection;
  const a: Connection = {
    ...pick(dialled.connection),
    outgoing: {
      next: (frame) => outgoing.next(frame),
      error: ({ code, reason }: ClaspError) => outgoing.error(frame().error(code, reason)),
      complete: () => outgoing.complete(),
    },
  };
  const close = () => {
    dialled.stop();
    accepted.stop();
  };
  return { a, b: accepted.connection, close };
}

const pick = ({ id, incoming, saturated }: Connection) => ({ id, incoming, saturated });
const frame = () => (window.frames[0] as Window).fromFrame;

const ends: string[] = [];
const accepted: Connection[] = [];

if (window.parent === window) {
  let names = 0;

  window.contract = {
    ends,
    accepted,
    // The server connects every two connections it accepts with each other.
    overWebSocket: (url) =>
      run(
        'webSocketDial',
        async (options) => {
          const [a, b] = [await first(webSocketDial(url, options)), await first(webSocketDial(url, options))];
          const close = () => {
            a.stop();
            b.stop();
          };
          const hold = () => window.holdReading(true);
          return { a: a.connection, b: b.connection, close, pause: hold, resume: () => window.holdReading(false) };
        },
        true,
      ),
    overMessagePort: () =>
      run(
        'messagePortDial',
        (options) => joined(messagePortListener({ target: window, ...options }), frame().messagePort(options)),
        false,
      ),
    overBroadcastChannel: () =>
      run(
        'broadcastChannelDial',
        (options) => {
          const name = `contract-${++names}`;
          return joined(broadcastChannelListener({ name, ...options }), frame().broadcastChannel({ name, ...options }));
        },
        false,
      ),
    joinTab: async (name) => {
      accepted.push((await first(broadcastChannelDial({ name }))).connection);
    },
    hostTab: (name, heartbeat) => {
      broadcastChannelListener({ name, heartbeat }).subscribe((connection) => {
        accepted.push(connection);
        connection.incoming.subscribe({
          error: ({ message }) => ends.push(message),
          complete: () => ends.push('completed'),
        });
      });
    },
  };
} else {
  window.fromFrame = {
    messagePort: (options = {}) => messagePortDial({ target: window.parent, ...options }),
    broadcastChannel: (options) => broadcastChannelDial(options),
    error: (code, reason) => new ClaspError(code, reason),
  };
}
