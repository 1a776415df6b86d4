import { describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { EnttecParser } from '../core/protocols/dmx/enttec.ts';
import type { Value } from '../core/signal/value.ts';
import { virtualTime } from '../testing/virtual-time.ts';
import { type DmxSinkOptions, dmxSink } from './dmx.ts';

/** A sink in virtual time on a port that notes what is done to it, as `time what`. */
function open(options: DmxSinkOptions = {}, breaks = true) {
  const time = virtualTime();
  const done: string[] = [];
  const frames: Uint8Array[] = [];
  const failures: ClaspError[] = [];
  const parser = new EnttecParser();
  const port = {
    name: 'tty',
    write(bytes: Uint8Array) {
      done.push(`${time.now()} write ${bytes.length}`);
      if (options.driver === 'open-dmx') frames.push(bytes.slice(1));
      else parser.push(bytes, ({ label, data }) => label === 6 && frames.push(data.slice(1)));
    },
    setBreak(on: boolean, called: (failure?: ClaspError) => void) {
      done.push(`${time.now()} break ${on ? 'on' : 'off'}`);
      called(breaks ? undefined : new ClaspError(ErrorCode.NotEnabled, 'no break'));
    },
  };
  const sink = dmxSink(port, { ...options, scheduler: time });
  sink.failures.subscribe((failure) => failures.push(failure));
  const set = (address: string, value: Value) => sink.next({ kind: 'param', address, value });
  return { sink, time, done, frames, failures, set };
}

describe('dmxSink', () => {
  it.each(['enttec-pro', 'open-dmx'] as const)(
    'puts both bytes of a value of 16 bits into one frame (%s)',
    (driver) => {
      const { time, frames, failures, set } = open({ driver, normalize: true, pairs: [{ coarse: 2 }] });
      set('/dmx/2', 0x1234 / 65_535);
      set('/dmx/3', 1);
      time.pass(100);
      expect([...(frames[0]?.slice(0, 4) ?? [])]).toEqual([0, 0x12, 0x34, 0]);
      expect(failures).toMatchObject([{ code: 402, address: '/dmx/3' }]);
    },
  );

  it('gives a widget a frame 40 times a second at most, and once a second while nothing changes', () => {
    const { time, done, frames, set } = open();
    set('/dmx/1', 1);
    set('/dmx/512', 2);
    time.pass(5);
    set('/dmx/1', 3);
    set('/dmx', Uint8Array.of(4, 5));
    time.pass(2_100);
    expect(done).toEqual([0, 25, 1_025, 2_025].map((at) => `${at} write 518`));
    expect(frames.map((frame) => [frame[0], frame[1], frame[511]])).toEqual([[1, 0, 2], ...Array(3).fill([4, 5, 2])]);
  });

  it('gives a bare line frames all the time, each after a break and a mark', () => {
    const { time, done, frames, set } = open({ driver: 'open-dmx', rate: 25 });
    set('/dmx/1', 9);
    time.pass(90);
    expect(done).toEqual([0, 40, 80].flatMap((at) => [`${at} break on`, `${at + 1} break off`, `${at + 1} write 513`]));
    expect(frames[2]?.[0]).toBe(9);
  });

  it('gives a line that knows no break the frames without, and says so once', () => {
    const { time, done, failures, set } = open({ driver: 'open-dmx', rate: 25 }, false);
    set('/dmx/1', 9);
    time.pass(90);
    expect(done).toEqual(['0 break on', '0 write 513', '40 write 513', '80 write 513']);
    expect(failures).toMatchObject([{ code: 501 }]);
  });

  it.each<[string, Value, number]>([
    ['/dmx/513', 1, 402],
    ['/dmx/0', 1, 402],
    ['/dmx/x', 1, 200],
    ['/dmx/1', 'on', 402],
  ])('makes a failure of %s %s with either driver', (address, value, code) => {
    for (const driver of ['enttec-pro', 'open-dmx'] as const) {
      const { failures, set } = open({ driver });
      set(address, value);
      expect(failures).toMatchObject([{ code, address }]);
    }
  });

  it('leaves no timer behind when it is closed', () => {
    for (const driver of ['enttec-pro', 'open-dmx'] as const) {
      const { sink, time, set } = open({ driver });
      set('/dmx/1', 1);
      time.pass(0.5);
      sink.complete();
      expect(time.waiting).toBe(0);
    }
  });
});
