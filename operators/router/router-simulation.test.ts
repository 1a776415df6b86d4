import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Client, Reply } from '../../core/client/client.ts';
import { ClaspError } from '../../core/errors.ts';
import type { Param, Signal } from '../../core/signal/signal.ts';
import type { Message } from '../../core/wire/message.ts';
import { gestureMessages, type SessionScript, sessionMessages, sessions } from '../../testing/session-arbitrary.ts';
import { type SimulatedClientOptions, simulate, type World } from '../../testing/simulate.ts';

// Whole systems with faults: clients over bad networks, cut at any time, some through a relay that crashes.

/** What one client heard, session by session. */
interface Ear {
  readonly name: string;
  readonly client: Client;
  readonly heard: { readonly session: string | null; readonly signal: Signal }[];
}

interface Faults {
  readonly cuts: readonly { readonly who: string; readonly at: number; readonly for: number }[];
  readonly crashes: readonly number[];
}

const faults = fc.record<Faults>({
  cuts: fc.array(fc.record({ who: fc.constantFrom('a', 'b', 'c'), at: fc.nat(400), for: fc.nat(300) }), {
    maxLength: 4,
  }),
  crashes: fc.array(fc.nat(400), { maxLength: 1 }),
});

const network = (world: World): SimulatedClientOptions => ({
  network: { latency: world.random.integer(0, 30), jitter: world.random.integer(0, 30), bytesPerSecond: 20_000 },
  reconnect: { initial: 20, max: 200 },
});

/** Packets that get lost, doubled and overtaken, on connections that do not live long. */
const packets = ({ random }: World): SimulatedClientOptions => ({
  network: {
    ...{ datagram: true, latency: random.integer(0, 30), jitter: random.integer(0, 30), lifetime: 3_000 },
    ...{ loss: random() / 4, duplication: random() / 4, reordering: random() / 4 },
  },
  reconnect: { initial: 20, max: 200 },
});

/** Everybody listens to everything from the moment it comes. */
function listen(client: Client, name: string): Ear {
  const ear: Ear = { name, client, heard: [] };
  client.on('/**').subscribe((signal) => ear.heard.push({ session: client.session, signal }));
  return ear;
}

function speak({ client, name }: Ear, script: SessionScript['steps'][number]): Reply<unknown> | undefined {
  if (script.do !== 'send') return undefined;
  const { message } = script;
  switch (message.type) {
    case 'SET': {
      const { address, value, lock, unlock, revision, ttl } = message;
      return client.set(address, value, {
        ...(lock && { lock }),
        ...(unlock && { unlock }),
        ...(revision !== undefined && { revision }),
        ...(ttl && { ttl }),
      });
    }
    case 'GET':
      return client.get(message.address);
    case 'BUNDLE': {
      const parts = message.messages.flatMap((part) =>
        part.type === 'SET' ? [{ set: [part.address, part.value] as const }] : [],
      );
      return client.bundle(parts, message.timestamp === undefined ? {} : { at: client.time() + message.timestamp });
    }
    case 'PUBLISH':
      if (message.signal === 'event') return client.emit(message.address, message.value);
      if (message.signal === 'stream') client.stream(message.address, message.value ?? null);
      else client.gesture(`${message.address}/${name}`, message.id ?? 0, message.phase ?? 'start', message.value);
      return undefined;
    default:
      return undefined;
  }
}

/** Plays a script with clients over networks, and lets everything come to rest. */
function play(seed: number, script: SessionScript, { cuts, crashes }: Faults, over = network, until = 60_000) {
  return simulate(
    (world) => {
      const relay = world.router();
      const ears: Ear[] = [listen(relay.client('watcher'), 'watcher')];
      const replies: unknown[][] = [];
      const there = new Map<string, Ear>();
      for (const cut of cuts) world.at(cut.at, () => world.cut(cut.who, cut.for));
      for (const crash of crashes) {
        world.at(crash, () => relay.crash());
        world.at(crash + 100, () => relay.start());
      }
      let at = 0;
      for (const step of script.steps) {
        if (step.do === 'wait') {
          at += step.milliseconds;
          continue;
        }
        world.at(at, () => {
          const ear = there.get(step.who);
          if (step.do === 'join') {
            // Who comes back is somebody else: what is left of the first may still be under way.
            const options = { ...over(world), greeting: seed % 2 === 0 };
            const joined = listen(world.client(step.who, options), `${step.who}${ears.length}`);
            there.set(step.who, joined);
            ears.push(joined);
          } else if (ear && step.do === 'leave') {
            there.delete(step.who);
            ear.client.close();
          } else if (ear) {
            const answer: unknown[] = [];
            const reply = speak(ear, step);
            if (!reply) return;
            replies.push(answer);
            reply.subscribe({ next: (value) => answer.push(value), error: (error) => answer.push(error) });
          }
        });
      }
      return { relay, ears, replies, there };
    },
    { seed, until, log: false },
  );
}

const params = (ear: Ear): { session: string | null; signal: Param }[] =>
  ear.heard.filter((one): one is { session: string | null; signal: Param } => one.signal.kind === 'param');

/** What somebody believes who heard all this. */
function belief(ear: Ear): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { signal } of params(ear)) {
    if (signal.value === null) delete values[signal.address];
    else values[signal.address] = signal.value;
  }
  return values;
}

/** What somebody heard of each gesture, in letters. */
function livesOf(ear: Ear): string[] {
  const lives = new Map<string, string>();
  for (const { signal } of ear.heard) {
    if (signal.kind !== 'gesture') continue;
    const key = `${signal.address} ${signal.id}`;
    lives.set(key, (lives.get(key) ?? '') + signal.phase[0]);
  }
  return [...lives.values()];
}

const scripts = sessions({ messages: fc.oneof(sessionMessages(), gestureMessages()), maxSteps: 60 });
const seeds = fc.nat();

describe('relay and clients over bad networks', () => {
  it('agree in the end: whoever is there believes what the relay knows, and every question is answered', () => {
    fc.assert(
      fc.property(seeds, scripts, faults, (seed, script, some) => {
        const { made } = play(seed, script, some);
        const [watcher] = made.ears as [Ear];
        const truth = belief(watcher);
        expect(made.relay.stats().params).toBe(Object.keys(truth).length);
        expect(made.relay.stats().sessions).toBe(made.there.size + 1);
        for (const ear of made.ears) {
          if ([...made.there.values()].includes(ear))
            expect({ [ear.name]: belief(ear) }).toEqual({ [ear.name]: truth });
        }
        for (const answer of made.replies) {
          expect(answer).toHaveLength(1);
          if (answer[0] instanceof Error) expect(answer[0]).toBeInstanceOf(ClaspError);
        }
      }),
    );
  });

  it('forget what was in half a snapshot and is not there any more when the connection comes back', () => {
    // Found by the property above.
    const script = ['join b', 'join a', 'set'].map((what): SessionScript['steps'][number] =>
      what === 'set'
        ? { do: 'send', who: 'a', qos: 1, message: { type: 'SET', address: '/a', value: 'x' } }
        : { do: 'join', who: what.slice(-1) },
    );
    const { made } = play(26, { names: ['a', 'b'], steps: script }, { cuts: [], crashes: [142] });
    const heard = made.ears.find(({ name }) => name === 'b1')?.heard.map(({ signal }) => signal);
    expect(heard).toMatchObject([
      { address: '/a', value: 'x', snapshot: true },
      { address: '/a', value: null, snapshot: true },
    ]);
  });

  it('forget what was deleted between the snapshot of the greeting and that of the subscription', () => {
    // Found by the property above.
    const { made } = simulate(
      ({ router, client, at }) => {
        const desk = router().client('desk');
        desk.set('/a', 1);
        desk.set('/b', 2);
        const heard: unknown[] = [];
        const far = client('far', { network: { latency: 50 }, greeting: true });
        far.on('/**').subscribe(({ address, ...signal }) => heard.push([address, 'value' in signal && signal.value]));
        at(240, () => desk.set('/a', null));
        return { heard, far };
      },
      { seed: 1, until: 1_000 },
    );
    expect(made.heard).toEqual([
      ['/a', 1],
      ['/b', 2],
      ['/a', null],
    ]);
    expect([made.far.cached('/a'), made.far.cached('/b')]).toEqual([undefined, 2]);
  });

  it('hear the same order: revisions rise by one for the relay and never go back for anybody, and mean the same', () => {
    fc.assert(
      fc.property(seeds, scripts, faults, (seed, script, { cuts }) => {
        const { made } = play(seed, script, { cuts, crashes: [] });
        const [watcher] = made.ears as [Ear];
        const written = new Map<string, unknown>();
        const newest = new Map<string, number>();
        for (const { signal } of params(watcher)) {
          const { address, revision = 0, value } = signal;
          expect(revision).toBe((newest.get(address) ?? 0) + 1);
          newest.set(address, revision);
          written.set(`${address}@${revision}`, value);
        }
        for (const ear of made.ears) {
          const last = new Map<string, number>();
          for (const { session, signal } of params(ear)) {
            const { address, revision, value } = signal;
            if (revision === undefined) continue; // not there any more after a reconnect
            const key = `${session} ${address}`;
            expect(revision).toBeGreaterThan(last.get(key) ?? 0);
            last.set(key, revision);
            expect({ address, revision, value }).toEqual({
              address,
              revision,
              value: written.get(`${address}@${revision}`),
            });
          }
        }
      }),
    );
  });

  it('see a bundle as a whole or not at all, now or at its time, also over a reconnect', () => {
    const both = fc.record({ value: fc.nat(), later: fc.option(fc.nat(100_000)) }).map(
      ({ value, later }): Message => ({
        type: 'BUNDLE',
        messages: ['/pair/1', '/guard', '/pair/2'].map((address) => ({ type: 'SET', address, value })),
        ...(later !== null && { timestamp: later }),
      }),
    );
    const locks = fc.constantFrom('lock' as const, 'unlock').map((how): Message => {
      return { type: 'SET', address: '/guard', value: 0, [how]: true };
    });
    const messages = fc.oneof({ weight: 3, arbitrary: both }, sessionMessages(), locks);
    fc.assert(
      fc.property(seeds, sessions({ messages, maxSteps: 60 }), faults, (seed, script, { cuts }) => {
        const { made } = play(seed, script, { cuts, crashes: [] });
        for (const ear of made.ears) {
          const pairs = params(ear).filter(({ signal }) => signal.address.startsWith('/pair/'));
          const told = pairs.map(({ signal }) => `${signal.address} ${signal.value}`);
          for (const [n, { signal }] of pairs.entries()) {
            if (signal.snapshot || signal.address !== '/pair/1') continue;
            expect(told[n + 1]).toBe(`/pair/2 ${signal.value}`);
          }
          const now = belief(ear);
          expect(now['/pair/1']).toBe(now['/pair/2']);
        }
      }),
    );
  });

  it('see every gesture as start move* (end | cancel), however senders come, go and are cut off', () => {
    fc.assert(
      fc.property(seeds, sessions({ messages: gestureMessages(), maxSteps: 60 }), faults, (seed, script, { cuts }) => {
        const { made } = play(seed, script, { cuts, crashes: [] });
        const [watcher] = made.ears as [Ear];
        for (const life of livesOf(watcher)) expect(life).toMatch(/^(sm*[ec])*$/);
      }),
    );
  });

  it('hold what the relay promises even over packets that get lost, doubled and overtaken', () => {
    const messages = fc.oneof(sessionMessages(), gestureMessages());
    fc.assert(
      fc.property(seeds, sessions({ messages, maxSteps: 60 }), faults, (seed, script, { cuts }) => {
        const { made } = play(seed, script, { cuts, crashes: [] }, packets, 310_000); // a client tries for 290 s
        const [watcher] = made.ears as [Ear];
        const newest = new Map<string, number>();
        for (const { signal } of params(watcher)) {
          expect(signal.revision).toBe((newest.get(signal.address) ?? 0) + 1);
          newest.set(signal.address, signal.revision ?? 0);
        }
        for (const life of livesOf(watcher)) expect(life).toMatch(/^(sm*[ec])*$/);
        for (const answer of made.replies) expect(answer).toHaveLength(1);
      }),
    );
  });
});
