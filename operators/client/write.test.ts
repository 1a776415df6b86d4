import fc from 'fast-check';
import { from, NEVER, of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Signal } from '../../core/signal/signal.ts';
import { signals } from '../../testing/arbitraries.ts';
import { router } from '../router/router.ts';
import { countHops } from '../routes/count-hops.ts';
import { HopBudget } from '../routes/hop-budget.ts';
import { scale } from '../transforms.ts';
import { write } from './write.ts';

function desk() {
  const relay = router();
  const running = relay(NEVER).subscribe();
  const heard: Signal[] = [];
  relay
    .client('screen')
    .on('/**')
    .subscribe((signal) => heard.push(signal));
  return { relay, running, heard, client: relay.client('desk') };
}

const KNOB: Signal = { kind: 'param', address: '/knob', value: 64 };

describe('write', () => {
  it('has the client say every kind of signal', async () => {
    const { client, heard, running } = desk();
    const reply = write(client, KNOB);
    write(client, { kind: 'event', address: '/cue', value: 'go' });
    write(client, { kind: 'stream', address: '/level', value: 3, samples: [1, 2, 3], rate: 10 });
    write(client, { kind: 'gesture', address: '/touch', id: 7, phase: 'start', value: [0, 1] });
    expect(await reply).toMatchObject({ address: '/knob', revision: 1 });
    expect(heard).toMatchObject([
      { kind: 'param', address: '/knob', value: 64, revision: 1 },
      { kind: 'event', address: '/cue', value: 'go' },
      { kind: 'stream', address: '/level', value: 3, samples: [1, 2, 3], rate: 10 },
      { kind: 'gesture', address: '/touch', id: 7, phase: 'start', value: [0, 1] },
    ]);
    await write(client, { kind: 'timeline', address: '/fade', keyframes: [{ time: 0, value: 1 }] });
    expect(heard.slice(4)).toMatchObject([
      { kind: 'timeline', address: '/fade' },
      { kind: 'param', address: '/fade', value: 1 },
    ]);
    running.unsubscribe();
  });
});

describe('a client as the end of a pipeline', () => {
  it('writes what comes, and stays open for other pipelines', () => {
    const { client, heard, running } = desk();
    of(KNOB)
      .pipe(scale({ from: [0, 128], to: [0, 1] }))
      .subscribe(client);
    of({ ...KNOB, value: 1 }).subscribe(client);
    expect(heard).toMatchObject([{ value: 0.5 }, { value: 1 }]);
    running.unsubscribe();
  });

  it('tells on errors what a pipeline failed with, and goes on', () => {
    const { client, heard, running } = desk();
    const errors: string[] = [];
    client.errors.subscribe(({ message }) => errors.push(message));
    throwError(() => new Error('the knob fell off')).subscribe(client);
    of(KNOB).subscribe(client);
    expect(errors).toEqual([expect.stringContaining('the knob fell off')]);
    expect(heard).toHaveLength(1);
    running.unsubscribe();
  });

  it('never throws, whatever comes', () => {
    const { client, running } = desk();
    fc.assert(
      fc.property(fc.array(fc.oneof(signals(), fc.constant({ ...KNOB, address: 'nowhere' } as Signal))), (list) => {
        from(list).subscribe(client);
      }),
    );
    running.unsubscribe();
  });

  it('counts the hops of what it is given while a signal is delivered to it', () => {
    const { client, heard, running } = desk();
    const counted = countHops(client, new HopBudget());
    let turn = 0;
    counted.on('/knob').subscribe((signal) => counted.next({ ...signal, value: turn++ } as Signal));
    counted.next(KNOB);
    expect(heard.length).toBeGreaterThan(2);
    expect(heard.length).toBeLessThan(20);
    running.unsubscribe();
  });
});
