import { of } from 'rxjs';
import { expect, it } from 'vitest';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import type { Signal } from '../../core/signal/signal.ts';
import { createClient } from '../client/client.ts';
import { chain, stage } from '../stage.ts';
import type { Envelope } from './envelope.ts';
import type { RouterEvent } from './router-event.ts';
import { routerStages } from './router-stages.ts';

it('makes a router of one’s own, with a stage more', async () => {
  const audited: string[] = [];
  const audit = stage<Envelope, Envelope>((out) => ({
    next(envelope) {
      if (envelope.kind === 'SET') audited.push(`${envelope.session.name} ${envelope.entry?.address}`);
      out.next(envelope);
    },
  }));
  const stages = routerStages({ name: 'Mine', params: [{ pattern: '/max', strategy: 'max' }] });
  const { session, serialise, scopeFilter, timelineScheduler, conflictMerge, dispatch, events } = stages;
  const [here, there] = memoryPair();
  const told: RouterEvent['type'][] = [];
  const running = of(there)
    .pipe(session, chain(serialise, scopeFilter, timelineScheduler, audit, conflictMerge, dispatch), events)
    .subscribe(({ type }) => told.push(type));

  const desk = createClient(of(here), { name: 'desk', reconnect: false });
  const heard: Signal[] = [];
  desk.on('/**').subscribe((signal) => heard.push(signal));
  expect(await desk.set('/max', 2)).toMatchObject({ revision: 1 });
  await expect(desk.set('/max', 1)).rejects.toMatchObject({ code: 400 });
  expect(heard).toMatchObject([{ address: '/max', value: 2, revision: 1 }]);
  expect(audited).toEqual(['desk /max', 'desk /max']);
  expect(stages.stats()).toMatchObject({ sessions: 1, params: 1, refused: 1 });
  desk.close();
  expect(told).toEqual(['session-opened', 'refused', 'session-closed']);
  expect(stages.stats()).toMatchObject({ sessions: 0 });
  running.unsubscribe();
});
