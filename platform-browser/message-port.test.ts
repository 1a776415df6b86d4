import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Connection } from '../core/connection/connection.ts';
import { RoundRobin } from '../operators/round-robin.ts';
import { probe } from '../testing/connection-probe.ts';
import {
  type MessageEventTarget,
  type MessagePortDialOptions,
  type MessagePortListenerOptions,
  messagePortConnection,
  messagePortDial,
  messagePortListener,
} from './message-port.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A window that says its messages come from `origin`. */
function windowOf(origin: string) {
  const listeners = new Set<(event: MessageEvent) => void>();
  const target: MessageEventTarget = {
    addEventListener: (_, listener) => listeners.add(listener),
    removeEventListener: (_, listener) => listeners.delete(listener),
  };
  const postMessage = (data: unknown, { transfer = [] }: { transfer?: Transferable[] } = {}) => {
    const event = new MessageEvent('message', { data, origin, ports: transfer as MessagePort[] });
    for (const listener of listeners) queueMicrotask(() => listener(event));
  };
  return { ...target, postMessage, listeners };
}

function listen(options: MessagePortListenerOptions) {
  const accepted: Connection[] = [];
  const listening = messagePortListener(options).subscribe((connection) => accepted.push(connection));
  cleanups.push(() => listening.unsubscribe());
  return { accepted, stop: () => listening.unsubscribe() };
}

function dial(options: MessagePortDialOptions) {
  const connections: Connection[] = [];
  const ends: string[] = [];
  const dialling = messagePortDial(options).subscribe({
    next: (connection) => connections.push(connection),
    error: ({ message }) => ends.push(message),
    complete: () => ends.push('completed'),
  });
  cleanups.push(() => dialling.unsubscribe());
  return { connections, ends, stop: () => dialling.unsubscribe() };
}

const settled = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

describe('messagePortConnection', () => {
  it('errors with 502 when the other end vanishes without a word', async () => {
    const { port1, port2 } = new MessageChannel();
    const heard = probe(messagePortConnection(port1));
    port2.close();
    await heard.until('the end', () => heard.ends.length > 0);
    expect(heard.ends).toEqual(['502 connection lost']);
  });

  it("takes no notice of other programs' messages on the port", async () => {
    const { port1, port2 } = new MessageChannel();
    const heard = probe(messagePortConnection(port1));
    port2.postMessage('hello');
    port2.postMessage({ kind: 'frames', frames: [] });
    messagePortConnection(port2).outgoing.next(Uint8Array.of(1));
    await heard.until('a frame', () => heard.frames.length > 0);
    expect([heard.frames.length, heard.ends]).toEqual([1, []]);
    port2.close();
  });
});

describe('messagePortDial and messagePortListener', () => {
  it('takes requests of its own origin, or of those it was given, and leaves others unanswered', async () => {
    vi.stubGlobal('origin', 'https://show.example');
    cleanups.push(() => vi.unstubAllGlobals());
    const own = windowOf('https://show.example');
    const foreign = windowOf('https://elsewhere.example');
    const [relay, strict, lenient, any] = [
      listen({ target: own }),
      listen({ target: foreign }),
      listen({ target: foreign, origin: ['https://a.example', 'https://elsewhere.example'] }),
      listen({ target: windowOf('') }),
    ];
    const [one, two] = [dial({ target: own }), dial({ target: foreign })];
    await settled(() => expect([relay.accepted.length, lenient.accepted.length]).toEqual([1, 1]));
    await settled(() => expect([one.connections.length, two.connections.length]).toEqual([1, 1]));
    expect([strict.accepted.length, any.accepted.length]).toEqual([0, 0]);
    const open = windowOf('https://elsewhere.example');
    const all = listen({ target: open, origin: '*' });
    dial({ target: open });
    await settled(() => expect(all.accepted.length).toBe(1));
  });

  it('fails with 502 when nobody answers', async () => {
    const { ends } = dial({ target: windowOf(''), timeout: 20 });
    await settled(() => expect(ends).toEqual(['[502] no answer within 20 ms']));
  });

  it('closes what it opened when unsubscribed, and hears no more requests', async () => {
    const target = windowOf('');
    const relay = listen({ target });
    const [one, two] = [dial({ target }), dial({ target })];
    await settled(() => expect([one.connections.length, two.connections.length]).toEqual([1, 1]));
    const heard = probe(relay.accepted[0] as Connection);
    one.stop();
    await heard.until('the end', () => heard.ends.length > 0);
    expect(heard.ends).toEqual(['completed']);
    relay.stop();
    await settled(() => expect(two.ends).toEqual(['completed']));
    expect(target.listeners.size).toBe(0);
  });

  it('ends the dial as its connection ended', async () => {
    const target = windowOf('');
    const { accepted } = listen({ target });
    const { ends } = dial({ target });
    await settled(() => expect(accepted.length).toBe(1));
    accepted[0]?.outgoing.error(new Error('broken'));
    await settled(() => expect(ends).toEqual(['[500] broken']));
  });
});

describe('a connection that is read in turns', () => {
  it('hands over frames in order, marks and the end behind them, and leaves the thread to others between', async () => {
    const { port1, port2 } = new MessageChannel();
    let now = 0;
    const clock = () => {
      now += 1_000;
      return now;
    };
    const portions: number[] = [];
    let turns = 0;
    const later = (work: () => void) => {
      turns++;
      setImmediate(work);
    };
    const heard = probe(messagePortConnection(port1, { turns: new RoundRobin({ now: clock, later }) }));
    const sender = messagePortConnection(port2, { highWater: 100, lowWater: 10 });
    const relieved: boolean[] = [];
    sender.saturated.subscribe((saturated) => {
      relieved.push(saturated);
      if (!saturated) portions.push(heard.frames.length);
    });
    for (let i = 0; i < 200; i++) sender.outgoing.next(Uint8Array.of(i));
    await heard.until('all frames', () => heard.frames.length === 200);
    await vi.waitFor(() => expect(relieved).toEqual([false, true, false]), { timeout: 10_000 });
    sender.outgoing.complete();
    await heard.until('the end', () => heard.ends.length > 0);
    expect(heard.frames.map(([first]) => first)).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(portions.at(-1)).toBe(200);
    expect([turns > 200 / 20, heard.ends]).toEqual([true, ['completed']]);
  });
});
