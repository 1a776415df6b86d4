import { throwError, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ClaspError } from '../../core/errors.ts';
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
});
