import { retry, timer } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Connection } from '../core/connection/connection.ts';
import { probe } from '../testing/connection-probe.ts';
import { type BroadcastChannelOptions, broadcastChannelDial, broadcastChannelListener } from './broadcast-channel.ts';
import { posted } from './posted-connection.ts';

// Over the BroadcastChannel of Node, which is that of browsers within one process.

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

let names = 0;
const newName = () => `test-${++names}`;

function listen(options: BroadcastChannelOptions) {
  const accepted: Connection[] = [];
  const listening = broadcastChannelListener(options).subscribe((connection) => accepted.push(connection));
  const stop = () => listening.unsubscribe();
  cleanups.push(stop);
  return { accepted, stop };
}

function dial(options: BroadcastChannelOptions) {
  const connections: Connection[] = [];
  const ends: string[] = [];
  const dialling = broadcastChannelDial(options).subscribe({
    next: (connection) => connections.push(connection),
    error: ({ message }) => ends.push(message),
    complete: () => ends.push('completed'),
  });
  const stop = () => dialling.unsubscribe();
  cleanups.push(stop);
  return { connections, ends, stop };
}

const settled = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 5 });
const moment = () => new Promise((resolve) => setTimeout(resolve, 30));

describe('broadcastChannelDial and broadcastChannelListener', () => {
  it('fails with 502 when no relay answers, so that retry finds one that comes later', async () => {
    const name = newName();
    const alone = dial({ name, timeout: 20 });
    await settled(() => expect(alone.ends).toEqual([`[502] no relay answers on "${name}" within 20 ms`]));
    let joined = 0;
    const joining = broadcastChannelDial({ name, timeout: 20 })
      .pipe(retry({ delay: () => timer(1) }))
      .subscribe(() => joined++);
    cleanups.push(() => joining.unsubscribe());
    await moment();
    listen({ name });
    await settled(() => expect(joined).toBe(1));
  });

  it('joins several tabs, each with frames of its own, and none under another name', async () => {
    const name = newName();
    const { accepted } = listen({ name });
    const [one, two, other] = [dial({ name }), dial({ name }), dial({ name: `${name}-other` })];
    await settled(() => expect([one.connections.length, two.connections.length]).toEqual([1, 1]));
    await settled(() => expect(accepted.length).toBe(2));
    expect(new Set(accepted.map(({ id }) => id)).size).toBe(2);
    expect(accepted[0]?.peer).toBe(`broadcast-channel ${name}`);
    const heard = accepted.map((connection) => probe(connection));
    one.connections[0]?.outgoing.next(Uint8Array.of(1));
    two.connections[0]?.outgoing.next(Uint8Array.of(2));
    for (const each of heard) await each.until('a frame', () => each.frames.length > 0);
    await moment();
    expect(heard.map(({ frames }) => frames.map(([first]) => first)).sort()).toEqual([[1], [2]]);
    expect(other.connections).toEqual([]);
  });

  it('takes one of two relays that answer, and the other one gives up its offer', async () => {
    const name = newName();
    const relays = [listen({ name, timeout: 50 }), listen({ name, timeout: 50 })];
    const { connections } = dial({ name });
    await settled(() => expect(connections.length).toBe(1));
    await moment();
    await moment();
    expect(relays.map(({ accepted }) => accepted.length).sort()).toEqual([0, 1]);
    expect(connections.length).toBe(1);
  });

  it('withdraws an offer that nobody takes in time', async () => {
    const name = newName();
    const { accepted } = listen({ name, timeout: 10 });
    const hall = new BroadcastChannel(name);
    cleanups.push(() => hall.close());
    const offered = new Promise<string>((resolve) => {
      hall.addEventListener('message', ({ data }) => resolve(data.channel));
    });
    hall.postMessage(posted({ kind: 'connect', id: 'slow tab' }));
    const room = new BroadcastChannel(await offered);
    cleanups.push(() => room.close());
    await moment();
    room.postMessage(posted({ kind: 'open' }));
    await moment();
    expect(accepted).toEqual([]);
  });

  it('loses a tab that vanished without a word, on either side, after the heartbeat', async () => {
    const name = newName();
    const { accepted } = listen({ name, heartbeat: 100 });
    const hall = new BroadcastChannel(name);
    cleanups.push(() => hall.close());
    hall.addEventListener('message', ({ data }) => {
      if (data.kind !== 'accept') return;
      const room = new BroadcastChannel(data.channel);
      room.postMessage(posted({ kind: 'open' }));
      setTimeout(() => room.close(), 5);
    });
    hall.postMessage(posted({ kind: 'connect', id: 'crashing tab' }));
    await settled(() => expect(accepted.length).toBe(1));
    const heard = probe(accepted[0] as Connection);
    await heard.until('its end', () => heard.ends.length > 0);
    expect(heard.ends).toEqual(['502 no sign of the peer for 100 ms']);
  });

  it('keeps an idle connection for longer than the heartbeat', async () => {
    const name = newName();
    const { accepted } = listen({ name, heartbeat: 60 });
    const { connections, ends } = dial({ name, heartbeat: 60 });
    await settled(() => expect(accepted.length).toBe(1));
    const heard = probe(accepted[0] as Connection);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(ends).toEqual([]);
    connections[0]?.outgoing.next(Uint8Array.of(1));
    await heard.until('a frame', () => heard.frames.length === 1);
  });

  it('closes every tab when the listener is unsubscribed, and the connection when the dial is', async () => {
    const name = newName();
    const relay = listen({ name });
    const [one, two] = [dial({ name }), dial({ name })];
    await settled(() => expect(relay.accepted.length).toBe(2));
    const heard = relay.accepted.map((connection) => probe(connection));
    one.stop();
    await settled(() => expect(heard.map(({ ends }) => ends.join()).sort()).toEqual(['', 'completed']));
    relay.stop();
    await settled(() => expect(two.ends).toEqual(['completed']));
    expect(one.ends).toEqual([]);
    const late = dial({ name, timeout: 20 });
    await settled(() => expect(late.ends.length).toBe(1));
  });

  it('ends the dial as its connection ended', async () => {
    const name = newName();
    const { accepted } = listen({ name });
    const { ends } = dial({ name });
    await settled(() => expect(accepted.length).toBe(1));
    accepted[0]?.outgoing.error(new Error('broken'));
    await settled(() => expect(ends).toEqual(['[500] broken']));
  });

  it("takes no notice of other programs' messages on the channel", async () => {
    const name = newName();
    const { accepted } = listen({ name });
    const foreign = new BroadcastChannel(name);
    cleanups.push(() => foreign.close());
    for (const message of [null, 'connect', { kind: 'connect', id: 'x' }, { protocol: 'clasp-rx' }]) {
      foreign.postMessage(message);
    }
    const { connections } = dial({ name });
    await settled(() => expect(connections.length).toBe(1));
    await moment();
    expect(accepted.length).toBe(1);
  });
});
