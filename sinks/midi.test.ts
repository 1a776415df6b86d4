import fc from 'fast-check';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import type { ClaspError } from '../core/errors.ts';
import { MidiEchoes } from '../core/protocols/midi/midi-echoes.ts';
import type { Signal } from '../core/signal/signal.ts';
import type { Value } from '../core/signal/value.ts';
import { type MidiOutputLike, type MidiSinkOptions, midiSink } from './midi.ts';

const param = (address: string, value: Value, at?: number): Signal => ({ kind: 'param', address, value, at });
const note = (value: Value): Signal => ({ kind: 'event', address: '/midi/ch/1/note/60', value });

/** A sink and what it sent, in hexadecimal, with the time given to the output. */
function open(options: MidiSinkOptions = {}, output?: MidiOutputLike) {
  const sent: string[] = [];
  const failures: ClaspError[] = [];
  const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const port: MidiOutputLike = {
    send: (bytes, time) => void sent.push(time === undefined ? hex(bytes) : `${hex(bytes)} @${time}`),
  };
  const sink = midiSink(output ?? port, options);
  sink.failures.subscribe((failure) => failures.push(failure));
  return { sink, sent, failures };
}

const stopped = { now: () => 0 } as never;

describe('midiSink', () => {
  it('sends each message that a signal stands for', () => {
    const { sink, sent } = open({ device: 'desk' });
    sink.next(param('/midi/desk/ch/1/cc/7', 1));
    sink.next(param('/midi/desk/ch/1/cc14/1', 1));
    sink.next(param('/midi/desk/ch/1/nrpn/129', 0));
    sink.next({ kind: 'event', address: '/midi/desk/sysex', value: Uint8Array.of(0x7d, 1) });
    sink.next({ kind: 'stream', address: '/midi/desk/timecode', value: [1, 2, 3, 4, 25] });
    sink.next(param('/midi/desk/tempo', 120));
    expect(sent).toEqual([
      ...['b0 07 7f', 'b0 01 7f', 'b0 21 7f', 'b0 63 01', 'b0 62 01', 'b0 06 00', 'b0 26 00'],
      ...['f0 7d 01 f7', 'f0 7f 7f 01 01 21 02 03 04 f7'],
    ]);
  });

  it('tells what it cannot send, and goes on', () => {
    const { sink, sent, failures } = open();
    sink.next(param('/osc/a', 1));
    sink.next(param('/midi/ch/17/cc/1', 1));
    sink.next(note('loud'));
    sink.next({ kind: 'event', address: '/midi/sysex', value: Uint8Array.of(0x80) });
    sink.next(note(1));
    expect(failures.map(({ code }) => code)).toEqual([200, 200, 402, 402]);
    expect(sent).toEqual(['90 3c 7f']);
  });

  it('tells what the output throws', () => {
    const { sink, failures } = open(
      {},
      {
        send: () => {
          throw new Error('port is closed');
        },
      },
    );
    sink.next(note(1));
    expect(failures[0]).toMatchObject({ code: 500, reason: 'port is closed' });
  });

  it('does not send back what the device said, unless it changed on the way', () => {
    const echoes = new MidiEchoes();
    const { sink, sent } = open({ echoes, scheduler: stopped });
    echoes.heard(param('/midi/ch/1/cc/7', 0.25), 0);
    echoes.heard(param('/midi/ch/1/cc/8', 0.25), 0);
    echoes.heard(note(1), 0);
    sink.next(param('/midi/ch/1/cc/7', 0.25));
    sink.next(param('/midi/ch/1/cc/8', 1));
    sink.next(note(1));
    expect(sent).toEqual(['b0 08 7f']);
    // The same note, played by somebody else.
    sink.next(note(1));
    expect(sent).toEqual(['b0 08 7f', '90 3c 7f']);
  });

  it('sends what lies ahead at its time, in order of time, and nothing of it after its end', () => {
    new TestScheduler(() => undefined).run(({ cold }) => {
      const { sink, sent } = open({ latency: 1 });
      const at = (ms: number, value: number) => param('/midi/ch/1/cc/7', value / 127, ms * 1_000);
      sink.next(at(20, 3));
      sink.next(at(10, 1));
      sink.next(at(10, 2));
      sink.next(at(-10, 0));
      sink.next(at(90, 5));
      sink.next(param('/midi/ch/1/cc/7', 4 / 127));
      const seen: string[][] = [];
      cold('1ms a 9ms b 9ms c').subscribe(() => seen.push(sent.splice(0).map((text) => text.slice(-1))));
      cold('50ms |').subscribe({ complete: () => sink.complete() });
      cold('200ms |').subscribe({
        complete: () => {
          expect(seen).toEqual([['0', '4'], ['1', '2'], []]);
          expect(sent).toEqual(['b0 07 03']);
        },
      });
    });
  });

  it('takes a time that lies far ahead for a clock that is wrong', () => {
    const { sink, sent } = open({ scheduler: stopped, latency: 5 });
    sink.next(param('/midi/ch/1/cc/7', 0, 10_001_000));
    sink.next(param('/midi/ch/1/cc/8', 0, 10_000_000));
    expect(sent).toEqual(['b0 07 00']);
    sink.complete();
  });

  it('ends the notes that sound when it ends', () => {
    const { sink, sent } = open();
    const play = (channel: number, number: number, value: number) =>
      sink.next({ kind: 'event', address: `/midi/ch/${channel}/note/${number}`, value });
    play(1, 60, 1);
    play(16, 61, 1);
    play(1, 62, 1);
    play(1, 62, 0);
    sent.length = 0;
    sink.complete();
    expect(sent).toEqual(['80 3c 00', '8f 3d 00']);
  });

  it('gives the time to an output that keeps time itself', () => {
    const { sink, sent } = open({ scheduler: stopped, outputTime: (delay) => 5_000 + delay });
    sink.next(param('/midi/ch/1/cc14/1', 0, 20_000));
    sink.next(param('/midi/ch/1/cc/7', 0, 0));
    expect(sent).toEqual(['b0 01 00 @5020', 'b0 21 00 @5020', 'b0 07 00']);
  });

  it('ends notes that an output keeping time itself has still to begin, after they have begun', () => {
    let ms = 0;
    const { sink, sent } = open({ now: () => ms * 1_000, outputTime: (delay) => 5_000 + ms + delay });
    const play = (number: number, value: number, at?: number) =>
      sink.next({ kind: 'event', address: `/midi/ch/1/note/${number}`, value, at: at && at * 1_000 });
    play(60, 1, 50);
    play(61, 1, 20);
    play(61, 0, 40);
    // Ends before it begins.
    play(62, 1, 60);
    play(62, 0);
    play(63, 1, 5);
    play(64, 1, 5);
    ms = 10;
    play(64, 0);
    sent.length = 0;
    sink.complete();
    expect(sent).toEqual(['80 3c 00 @5051', '80 3e 00 @5061', '80 3f 00']);
  });

  it('leaves no note on, whenever an output that keeps time itself plays what', () => {
    const step = fc.record({ on: fc.boolean(), at: fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let ms = 0;
        const played: { at: number; on: boolean }[] = [];
        const send = ([status = 0]: Uint8Array, at = ms) =>
          void played.push({ at: Math.max(at, ms), on: status === 0x90 });
        const sink = midiSink({ send }, { now: () => ms * 1_000, outputTime: (delay) => ms + delay });
        for (const { on, at } of steps) {
          sink.next({ ...note(on ? 1 : 0), at: at && at * 1_000 });
          ms++;
        }
        sink.complete();
        const last = played.sort((a, b) => a.at - b.at).at(-1);
        expect(last?.on ?? false).toBe(false);
      }),
    );
  });

  it('bounds what waits, and tells of what cannot', () => {
    const { sink, failures } = open({
      scheduler: { now: () => 0, schedule: () => ({ unsubscribe: () => undefined }) } as never,
    });
    for (let i = 0; i < 5_000; i++) sink.next(param('/midi/ch/1/cc/7', 0, 1_000_000));
    expect(failures.length).toBe(5_000 - 4_096);
    expect(failures[0]?.code).toBe(503);
  });

  it('sends a time code that goes on as quarter frames, at their time, and a full frame where it jumps', () => {
    new TestScheduler(() => undefined).run(({ cold }) => {
      const { sink, sent } = open();
      const tell = (frame: number) =>
        sink.next({ kind: 'stream', address: '/midi/timecode', value: [0, 0, 2, frame, 25] });
      const frames = { a: 0, b: 1, c: 2, d: 3, e: 20 };
      cold('a 39ms b 39ms c 39ms d 84ms e', frames).subscribe(tell);
      cold('300ms |').subscribe({
        complete: () => {
          sink.complete();
          expect(sent).toEqual([
            'f0 7f 7f 01 01 20 00 02 00 f7',
            // Frame 2 is the first even one after the second time.
            ...['f1 02', 'f1 10', 'f1 22', 'f1 30', 'f1 40', 'f1 50', 'f1 60', 'f1 72'],
            ...['f1 04', 'f1 10', 'f1 22', 'f1 30', 'f1 40'],
            'f0 7f 7f 01 01 20 00 02 14 f7',
          ]);
        },
      });
    });
  });

  it('sends clocks at the tempo, from the start on, and stops what it has started', () => {
    new TestScheduler(() => undefined).run(({ cold }) => {
      const { sink, sent, failures } = open({ clock: true });
      const transport = (value: Value): Signal => ({ kind: 'event', address: '/midi/transport', value });
      const counted = () =>
        sent
          .splice(0)
          .join(' ')
          .replace(/(f8 ?)+/g, (all) => `${all.match(/f8/g)?.length} `)
          .trim();
      const steps: Record<string, () => void> = {
        a: () => sink.next(param('/midi/tempo', 125)),
        b: () => {
          expect(counted()).toBe('5'); // at 0, 20 … 80 ms
          sink.next(transport('start'));
        },
        c: () => {
          expect(counted()).toBe('fa 5'); // at 101, 121 … 181 ms
          sink.next(param('/midi/tempo', 250));
        },
        d: () => {
          expect(counted()).toBe('10'); // at 200, 210 … 290 ms
          sink.next(param('/midi/tempo', 'fast'));
          sink.next(param('/midi/tempo', null));
        },
        e: () => {
          expect(counted()).toBe('');
          sink.complete();
          expect(counted()).toBe('fc');
          expect(failures.map(({ code }) => code)).toEqual([402]);
        },
      };
      cold('a 99ms b 99ms c 99ms d 99ms e').subscribe((step) => steps[step]?.());
    });
  });

  it('sends no clocks where none are asked for', () => {
    new TestScheduler(() => undefined).run(({ cold }) => {
      const { sink, sent } = open();
      sink.next(param('/midi/tempo', 125));
      cold('200ms |').subscribe({ complete: () => expect(sent).toEqual([]) });
    });
  });

  it('sends clocks ahead, with their time, where the output keeps time itself', () => {
    new TestScheduler(() => undefined).run(({ cold }) => {
      const { sink, sent } = open({ clock: true, outputTime: (delay) => Math.round(delay) });
      sink.next(param('/midi/tempo', 125));
      cold('16ms |').subscribe({
        complete: () => {
          sink.complete();
          expect(sent).toEqual(['f8', 'f8 @20', 'f8 @25']);
        },
      });
    });
  });
});
