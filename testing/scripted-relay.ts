import { Observable, VirtualTimeScheduler } from 'rxjs';
import type { Connections } from '../core/connection/connection.ts';
import { type MemoryConnection, memoryPair } from '../core/connection/memory-pair.ts';
import type { AckMessage, Message, ParamState, SetMessage } from '../core/wire/message.ts';
import { type WirePeer, wirePeer } from './wire-peer.ts';

/** A relay that does only what it is told: for what a real one cannot be made to do to a client. */
export interface ScriptedRelay {
  /** Each subscription is a new connection to this relay. */
  readonly dial: Connections;
  readonly time: VirtualTimeScheduler;
  /** The relay's end of each connection so far, oldest first. */
  readonly peers: readonly WirePeer<MemoryConnection>[];
  /** The relay's end of the newest connection. */
  readonly peer: WirePeer<MemoryConnection>;
  /** Answers the HELLO of the newest connection with WELCOME and a SNAPSHOT; gives what came with the HELLO. */
  welcome(params?: readonly ParamState[], session?: string): Message[];
  /** Acknowledges every SET and SUBSCRIBE that has come and was not taken; gives what came. */
  confirm(revision?: number): Message[];
  /** Lets virtual milliseconds pass and does what is due in them. */
  pass(milliseconds: number): void;
}

/**
 * Makes a relay for tests of clients, with virtual time that starts at 0.
 *
 * @example
 * ```ts
 * const { dial, time, welcome, peer } = scriptedRelay();
 * const client = createClient(dial, { scheduler: time });
 * welcome();
 * client.set('/a', 1);
 * peer.take(); // [{ type: 'SET', address: '/a', value: 1 }]
 * ```
 */
export function scriptedRelay(): ScriptedRelay {
  const time = new VirtualTimeScheduler();
  const peers: WirePeer<MemoryConnection>[] = [];
  const newest = () => peers[peers.length - 1] as WirePeer<MemoryConnection>;

  return {
    dial: new Observable((out) => {
      const [here, there] = memoryPair();
      peers.push(wirePeer(there));
      out.next(here);
      return () => here.outgoing.complete();
    }),
    time,
    peers,
    get peer() {
      return newest();
    },
    welcome(params = [], session = `session-${peers.length}`) {
      const said = newest().take();
      newest().send({ type: 'WELCOME', version: 1, session, name: 'scripted', features: [], time: 1_000_000 });
      newest().send({ type: 'SNAPSHOT', params });
      return said;
    },
    confirm(revision = 1) {
      const said = newest().take();
      for (const message of said) {
        if (message.type === 'SET') newest().send(ackOf(message, revision));
        else if (message.type === 'SUBSCRIBE') {
          newest().send({ type: 'ACK', address: message.pattern, correlationId: message.id });
        }
      }
      return said;
    },
    pass(milliseconds) {
      const until = time.frame + milliseconds;
      time.maxFrames = until;
      time.flush();
      time.frame = until;
      time.maxFrames = Number.POSITIVE_INFINITY;
    },
  };
}

function ackOf({ address, lock, unlock }: SetMessage, revision: number): AckMessage {
  return lock || unlock
    ? { type: 'ACK', address, revision, locked: lock === true }
    : { type: 'ACK', address, revision };
}
