import { Subject } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import type { ClaspError } from '../core/errors.ts';
import { MidiEchoes } from '../core/protocols/midi/midi-echoes.ts';
import type { Signal } from '../core/signal/signal.ts';
import { type MidiEventLike, type MidiInputLike, midiSource } from './midi.ts';

function input() {
  const listeners = new Set<(message: MidiEventLike) => void>();
  const port: MidiInputLike = {
    name: 'nanoKONTROL2',
    addEventListener: (_type, listen) => void listeners.add(listen),
    removeEventListener: (_type, listen) => void listeners.delete(listen),
  };
  const hear = (event: MidiEventLike) => {
    for (const listen of listeners) listen(event);
  };
  return { port, listeners, hear, play: (...bytes: number[]) => hear({ data: Uint8Array.from(bytes) }) };
}

describe('midiSource', () => {
  it('listens while subscribed, and names the input as origin', () => {
    const { port, play, listeners } = input();
    const heard: Signal[] = [];
    const listening = midiSource(port, { device: 'desk' }).subscribe((signal) => heard.push(signal));
    play(0xb0, 1, 127);
    expect(heard).toEqual([{ kind: 'param', address: '/midi/desk/ch/1/cc/1', value: 1, origin: 'nanoKONTROL2' }]);
    listening.unsubscribe();
    expect(listeners.size).toBe(0);
  });

  it('reports what it does not understand and goes on', () => {
    const { port, play, hear } = input();
    const failures = new Subject<ClaspError>();
    const told: string[] = [];
    failures.subscribe(({ code, reason }) => told.push(`${code} ${reason}`));
    let heard = 0;
    midiSource(port, { failures }).subscribe(() => heard++);
    play(0xb0, 1);
    hear({ data: null });
    play(0xfe);
    play(0xb0, 1, 1);
    expect(told).toEqual(['101 nanoKONTROL2: a message cut off by the next']);
    expect(heard).toBe(1);
  });

  it('puts messages together that come in pieces, or many at once', () => {
    const { port, play } = input();
    const heard: unknown[] = [];
    midiSource(port, { raw: true }).subscribe((signal) => heard.push('value' in signal ? signal.value : undefined));
    play(0xb0, 1);
    play(5, 2);
    play(6, 0x90, 60, 7, 61, 8);
    expect(heard).toEqual([5n, 6n, 7n, 8n]);
  });

  it('waits a moment for the fine half of a 14-bit control, and no longer', () => {
    new TestScheduler(() => undefined).run(({ cold }) => {
      const { port, play } = input();
      const heard: unknown[] = [];
      midiSource(port, { cc14: [1], raw: true }).subscribe((signal) => heard.push('value' in signal && signal.value));
      play(0xb0, 1, 1, 33, 1);
      play(0xb0, 1, 2);
      cold('1ms a 2ms b').subscribe((time) => heard.push(time));
      cold('10ms |').subscribe({ complete: () => expect(heard).toEqual([128n, 129n, 'a', 256n, 'b']) });
    });
    const { port, play, listeners } = input();
    midiSource(port, { cc14: true }).subscribe().unsubscribe();
    play(0xb0, 1, 1);
    expect(listeners.size).toBe(0);
  });

  it('waits as long for the other half of what begins to wait while something waits already', () => {
    new TestScheduler(() => undefined).run(({ cold }) => {
      const { port, play } = input();
      const heard: unknown[] = [];
      midiSource(port, { cc14: [1], raw: true }).subscribe((signal) => heard.push('value' in signal && signal.value));
      play(0xb0, 33, 1, 1, 1, 0xb1, 33, 1, 1, 1);
      cold('1ms a').subscribe(() => play(0xb0, 1, 2));
      cold('3ms a').subscribe(() => play(0xb1, 33, 3));
      cold('5ms a').subscribe(() => play(0xb1, 1, 4));
      cold('10ms |').subscribe({ complete: () => expect(heard).toEqual([129n, 129n, 257n, 515n]) });
    });
  });

  it('measures the tempo with the times of the messages', () => {
    const { port, hear } = input();
    const heard: unknown[] = [];
    midiSource(port).subscribe((signal) => heard.push([signal.address, 'value' in signal && signal.value]));
    for (let clock = 0; clock < 25; clock++) hear({ data: Uint8Array.of(0xf8), timeStamp: clock * 25 });
    expect(heard).toEqual([
      ['/midi/clock', 0n],
      ['/midi/tempo', 100],
      ['/midi/clock', 1n],
    ]);
  });

  it('notes what the device said', () => {
    const { port, play } = input();
    const echoes = new MidiEchoes();
    const heard: Signal[] = [];
    midiSource(port, { echoes, scheduler: { now: () => 7 } as never }).subscribe((signal) => heard.push(signal));
    play(0xb0, 1, 127);
    expect(heard.map((signal) => echoes.isEcho(signal, 7))).toEqual([true]);
  });
});
