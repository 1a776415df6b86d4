import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { ClaspError } from '../core/errors.ts';
import type { Signal } from '../core/signal.ts';
import { type MidiEventLike, type MidiInputLike, midiSource } from './midi.ts';

function input() {
  const listeners = new Set<(message: MidiEventLike) => void>();
  const port: MidiInputLike = {
    name: 'nanoKONTROL2',
    addEventListener: (_type, listen) => void listeners.add(listen),
    removeEventListener: (_type, listen) => void listeners.delete(listen),
  };
  return {
    port,
    listeners,
    play: (...bytes: number[]) => {
      for (const listen of listeners) listen({ data: Uint8Array.from(bytes) });
    },
  };
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
    const { port, play } = input();
    const failures = new Subject<ClaspError>();
    const codes: number[] = [];
    failures.subscribe(({ code }) => codes.push(code));
    let heard = 0;
    midiSource(port, { failures }).subscribe(() => heard++);
    play(0xb0, 1);
    play(0xf8);
    play(0xb0, 1, 1);
    expect(codes).toEqual([101]);
    expect(heard).toBe(1);
  });
});
