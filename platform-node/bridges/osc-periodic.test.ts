import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { decodeOsc } from '../../core/protocols/osc/osc-decode.ts';
import { sendPeriodic } from './osc-periodic.ts';

describe('sendPeriodic', () => {
  it('sends at once and then in each interval, until it is unsubscribed', () => {
    const scheduler = new VirtualTimeScheduler(undefined, 30_000);
    const sent: string[] = [];
    const send = (bytes: Uint8Array, to: string) => {
      const packet = decodeOsc(bytes);
      if ('address' in packet) sent.push(`${scheduler.now()} ${packet.address} ${to}`);
    };
    const messages = [
      { address: '/xremote', every: 9_000 },
      { address: '/meters', every: 15_000, to: 'm:2' },
    ];
    const running = sendPeriodic(messages, ['m:1'], send, scheduler).subscribe();
    scheduler.flush();
    expect(sent).toEqual([
      '0 /xremote m:1',
      '0 /meters m:2',
      '9000 /xremote m:1',
      '15000 /meters m:2',
      '18000 /xremote m:1',
      '27000 /xremote m:1',
      '30000 /meters m:2',
    ]);
    running.unsubscribe();
    scheduler.maxFrames = 100_000;
    scheduler.flush();
    expect(sent).toHaveLength(7);
  });
});
