import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClaspError } from '../core/errors.ts';
import type { Signal } from '../core/signal/signal.ts';
import { type SimulateOptions, simulate, simulateAsync, type World } from './simulate.ts';

/** Everything at once: networks of all kinds, faults, several relays and clients, all kinds of signals. */
const busy = (world: World) => {
  const { time, random, client, at, every, cut, note } = world;
  const relay = world.router({ name: 'main' });
  const other = world.router({ name: 'other' });
  const local = relay.client('local');
  const heard: Signal[] = [];
  local.on('/**').subscribe((signal) => heard.push(signal));
  const desk = client('desk', { network: { latency: 5, jitter: 10 } });
  const stage = client('stage', { network: { latency: 1, lifetime: 300, bytesPerSecond: 50_000 } });
  const pads = client('pads', {
    network: { datagram: true, latency: 3, loss: 0.1, duplication: 0.1, reordering: 0.1 },
  });
  const far = client('far', { router: other });
  stage.on('/**').subscribe();
  far.on('/**', () => undefined);
  every(20, (count) => desk.set(`/fader/${random.integer(1, 3)}`, count));
  every(70, (count) => pads.emit('/pad/1', count));
  every(33, () => stage.stream('/level', random()));
  at(100, () =>
    desk.timeline('/fade', [
      { time: 0, value: 0 },
      { time: 200_000, value: 1 },
    ]),
  );
  at(150, () => desk.gesture('/touch', 1, 'start', [0.5]));
  at(400, () => cut('desk', 200));
  at(500, () => relay.crash());
  at(600, () => relay.start());
  at(700, () => far.set('/x', 1n));
  at(800, () => note('test', `still there at ${time.micros}`));
  return { heard, relay, other };
};

describe('simulate', () => {
  it('gives the same bytes for the same seed, and others for another', () => {
    const run = (seed: number) => simulate(busy, { seed, until: 1_500 });
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const [once, again] = [run(seed), run(seed)];
        expect(again.log).toEqual(once.log);
        expect(again.text()).toBe(once.text());
        expect(once.log.length).toBeGreaterThan(200);
        expect(run(seed + 1).text()).not.toBe(once.text());
      }),
      // Each run is three simulations.
      { numRuns: Math.max(5, (fc.readConfigureGlobal().numRuns ?? 100) / 20) },
    );
  });

  it('logs every frame, signal and event in order of time, and can say them in words', () => {
    const { log, text } = simulate(busy, { seed: 1, until: 1_500 });
    expect(log.map(({ at }) => at)).toEqual(log.map(({ at }) => at).sort((a, b) => a - b));
    const kinds = new Set(log.map((entry) => (entry.type === 'frame' ? `frame ${entry.what}` : entry.type)));
    expect([...kinds].sort()).toEqual(
      ['called', 'cut', 'frame arrived', 'frame lost', 'frame sent', 'heard', 'called-back', 'note', 'relay'].sort(),
    );
    const lines = text().split('\n');
    expect(lines).toHaveLength(log.length);
    expect(lines).toContain('0.800000 test still there at 800000');
    expect(lines).toContain('0.700000 far set "/x" "1n"');
    expect(lines.filter((line) => /main session-closed desk: \[502\] the connection was cut/.test(line))).toHaveLength(
      1,
    );
    expect(text()).toMatch(/^\d\.\d{6} desk → main sent SET \/fader\/\d {"value":\d+/m);
    expect(text()).toMatch(/^\d\.\d{6} local heard param \/fader\/\d {"value":\d+/m);
  });

  it('logs what a callback hears without a kind that it is not told', () => {
    const { log, text } = simulate(
      ({ client, at }) => {
        const [desk, stage] = [client('desk'), client('stage')];
        stage.on('/**', () => undefined);
        at(10, () => desk.set('/live', 1));
        at(20, () => desk.emit('/go', { n: 2 }));
        at(60, () => client('late').on('/**', () => undefined, { types: ['param'] }));
      },
      { seed: 1, until: 100 },
    );
    expect(text().match(/(stage|late) heard .*/g)).toEqual([
      'stage heard /live {"value":1}',
      'stage heard /go {"value":{"n":2}}',
      'late heard param /live {"value":1}',
    ]);
    const calls = log.filter(({ type }) => type === 'called-back');
    expect(calls[0]).toEqual({ at: 10_000, type: 'called-back', who: 'stage', address: '/live', value: 1 });
    expect(calls[2]).toMatchObject({ at: 60_000, who: 'late', meta: { address: '/live', value: 1, revision: 1 } });
  });

  it('networks take their time: a write is heard one way to the relay and one way from it later', () => {
    const { made } = simulate(
      ({ client, at, time }) => {
        const heard: number[] = [];
        const stage = client('stage', { network: { latency: 30 } });
        stage.on('/a').subscribe(() => heard.push(time.micros));
        const desk = client('desk', { network: { latency: 0.012 } });
        at(500, () => desk.set('/a', 1));
        return heard;
      },
      { seed: 1, until: 1_000 },
    );
    expect(made).toEqual([530_012]);
  });

  it('a client that is cut comes back when it may, and what it had to write arrives', () => {
    const { made } = simulate(
      ({ client, at, cut, time, router }) => {
        const relay = router();
        const heard: [unknown, number][] = [];
        relay
          .client('stage')
          .on('/a')
          .subscribe((signal) => heard.push(['value' in signal && signal.value, time.now()]));
        const desk = client('desk', { reconnect: { initial: 50, max: 50 } });
        at(100, () => cut('desk', 1_000));
        at(200, () => desk.set('/a', 1));
        return { heard, relay };
      },
      { seed: 4, until: 3_000 },
    );
    expect(made.heard).toEqual([[1, expect.any(Number)]]);
    expect(made.heard[0]?.[1]).toBeGreaterThanOrEqual(1_100);
    expect(made.heard[0]?.[1]).toBeLessThanOrEqual(1_150);
    expect(made.relay.stats().sessions).toBe(2);
  });

  it('a relay that stops or crashes forgets everything, and is found again', () => {
    for (const how of ['stop', 'crash'] as const) {
      const { made } = simulate(
        ({ client, at, router }) => {
          const relay = router();
          const states: string[] = [];
          const desk = client('desk', { reconnect: { max: 20 } });
          desk.status.subscribe((status) => states.push(status.state));
          at(10, () => desk.set('/a', 1));
          at(20, () => relay[how]());
          at(100, () => relay.start());
          at(100, () => expect(relay.stats()).toMatchObject({ sessions: 0, params: 0 }));
          return { relay, states };
        },
        { seed: 1, until: 200 },
      );
      expect(made.relay.stats()).toMatchObject({ sessions: 1, params: 0 });
      expect(made.states.slice(0, 2)).toEqual(['connected', 'disconnected']);
      expect(made.states.at(-1)).toBe('connected');
    }
  });

  it('names the seed and the time when something throws, and can go on after `until`', () => {
    const throwing = ({ at }: World) => {
      at(12, () => {
        throw new Error('too loud');
      });
    };
    expect(() => simulate(throwing, { seed: 99, until: 50 })).toThrow(
      'seed 99, 12000 µs after the beginning: too loud',
    );
    const later = simulate(throwing, { seed: 98, until: 11.999, start: 1_700_000_000_000 });
    expect(() => later.pass(0.001)).toThrow('seed 98, 12000 µs after');
  });

  it('begins at the time it is told, logs nothing when told so, and does the same', () => {
    const run = (options: Partial<SimulateOptions>) =>
      simulate(
        ({ router, at, client }) => {
          const errors: ClaspError[] = [];
          const desk = client('desk', { network: { latency: 1 } });
          at(10, () => desk.set('/a', 1));
          desk.errors.subscribe((error) => errors.push(error));
          const times: number[] = [];
          at(20, () => times.push(desk.time()));
          return { times, errors, watcher: router({ name: 'unused' }) };
        },
        { seed: 1, until: 30, ...options },
      );
    const start = Date.UTC(2026, 6, 4);
    const quiet = run({ log: false, start });
    expect([quiet.log, quiet.text()]).toEqual([[], '']);
    expect(quiet.made.times[0]).toBeGreaterThan(start * 1000);
    expect((quiet.made.times[0] ?? 0) - start * 1000).toBe(run({}).made.times[0]);
  });
});

describe('simulate with an async function', () => {
  it('is a type error, and names simulateAsync where types are not looked at', () => {
    // @ts-expect-error simulateAsync is for that
    const run = () => simulate(async ({ time }) => time.now(), { seed: 3, until: 10 });
    expect(run).toThrow('simulate runs no promises: use simulateAsync for an async function');
    const rejected = () => simulate((() => Promise.reject(new Error('x'))) as never, { seed: 3, until: 10 });
    expect(rejected).toThrow('simulateAsync');
  });

  it('takes what gives nothing, or anything', () => {
    expect(simulate(() => undefined, { seed: 3, until: 10 }).made).toBeUndefined();
    expect(simulate(({ time }) => time.now() as unknown, { seed: 3, until: 10 }).made).toBe(0);
  });
});

describe('simulateAsync', () => {
  const build = async ({ client, wait, time, router }: World) => {
    const relay = router();
    const desk = client('desk', { network: { latency: 20, jitter: 5 } });
    const times: number[] = [];
    for (let n = 0; n < 3; n++) {
      const { revision } = await desk.set('/a', n);
      times.push(time.micros, revision ?? 0);
      await wait(100);
    }
    const value = await desk.get('/a');
    return { value, times, local: await relay.client('local').get('/a') };
  };

  it('lets promises go on before the clock does, and gives the same for the same seed', async () => {
    const run = () => simulateAsync(build, { seed: 3, until: 2_000 });
    const [once, again] = [await run(), await run()];
    expect(once.made).toMatchObject({ value: 2, local: 2 });
    expect(once.made.times.filter((_, n) => n % 2 === 1)).toEqual([1, 2, 3]);
    expect(again.made).toEqual(once.made);
    expect(again.text()).toBe(once.text());
  });

  it('waits exactly, in order with everything else', async () => {
    const { made } = await simulateAsync(
      async ({ wait, time, at }) => {
        const heard: string[] = [];
        at(10, () => heard.push(`at ${time.now()}`));
        await Promise.all([
          wait(10).then(() => heard.push(`waited ${time.now()}`)),
          wait(10.5).then(() => heard.push(`longer ${time.now()}`)),
        ]);
        return heard;
      },
      { seed: 1, until: 10.5 },
    );
    expect(made).toEqual(['at 10', 'waited 10', 'longer 10.5']);
  });

  it('rejects with seed and time when it fails, or has not finished in time', async () => {
    await expect(simulateAsync(build, { seed: 3, until: 200 })).rejects.toThrow(
      'seed 3, 200000 µs after the beginning: what was built still waits for something',
    );
    const failing = async ({ wait }: World) => {
      await wait(5);
      throw new Error('too loud');
    };
    await expect(simulateAsync(failing, { seed: 4, until: 50 })).rejects.toThrow(
      'seed 4, 5000 µs after the beginning: too loud',
    );
  });
});
