import { concat, NEVER, of, throwError, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { ClaspError } from '../../core/errors.ts';
import { router } from '../router/router.ts';
import { CallbackClient } from './callback-client.ts';

describe('CallbackClient', () => {
  it('takes a reconnectInterval of 0 as 5 s, as published, and does not hammer a relay that is away', () => {
    const attempts = (reconnectInterval?: number) => {
      const time = new VirtualTimeScheduler();
      const at: number[] = [];
      const dial = () => throwError(() => new ClaspError(503, 'away'));
      const options = reconnectInterval === undefined ? {} : { reconnectInterval };
      const client = new CallbackClient('ws://relay', options, { dial, random: () => 0.5, scheduler: time });
      client.onReconnect((attempt) => {
        at.push(time.now());
        if (attempt === 3) client.close();
      });
      client.connect().catch(() => undefined);
      time.flush();
      return at;
    };
    expect(attempts()).toEqual([2_500, 6_250, 11_875]);
    expect(attempts(0)).toEqual(attempts());
    expect(attempts(1)).toEqual([1, 2, 3]);
  });

  it('sends what is no value as published, and caches what it sent', async () => {
    class Fader {
      readonly level = 0.5;
      readonly name = undefined;
      readonly moved = () => undefined;
    }
    const [here, there] = memoryPair();
    const relay = router();
    const running = relay(concat(of(there), NEVER)).subscribe();
    const client = new CallbackClient('ws://relay', {}, { dial: () => concat(of(here), NEVER), random: () => 0.5 });
    await client.connect();
    const heard: unknown[] = [];
    running.add(
      relay
        .client('app')
        .on('/**')
        .subscribe((signal) => heard.push('value' in signal && signal.value)),
    );
    const odd = [new Fader(), new Date(0), new Float32Array([0.5]), [undefined, new Fader()], { at: undefined }];
    const read = [
      { level: 0.5, name: null, moved: null },
      {},
      { 0: 0.5 },
      [null, { level: 0.5, name: null, moved: null }],
      { at: null },
    ];
    for (const value of odd) client.set('/set', value as never);
    for (const value of odd) client.emit('/emit', value as never);
    client.bundle([{ set: ['/bundle', odd[0] as never] }]);
    await expect.poll(() => heard.length).toBe(2 * odd.length + 1);
    expect(heard).toEqual([...read, ...read, read[0]]);

    client.on('/cached', () => undefined);
    client.set('/cached', [1]);
    await expect.poll(() => client.cached('/cached')).toEqual([1]);
    client.set('/cached', odd as never);
    await expect.poll(() => client.cached('/cached')).toEqual(read);
    client.set('/cached', undefined as never);
    await expect.poll(() => client.cached('/cached')).toBeUndefined();
    client.close();
    running.unsubscribe();
  });
});
