import { describe, expect, it } from 'vitest';
import type { Signal } from '../core/signal/signal.ts';
import { dmxFixture } from './dmx-fixture.ts';
import { faderBank } from './fader-bank.ts';
import { lossyNetwork } from './lossy-network.ts';
import { padController } from './pad-controller.ts';
import { simulate, type World } from './simulate.ts';

const short = (signal: Signal) =>
  `${signal.address} ${signal.kind === 'gesture' ? signal.phase : signal.kind} ${'value' in signal && signal.value}`;

/** Runs devices and gives what a watcher heard. */
function heard(build: (world: World) => void, until = 1_000): string[] {
  return simulate(
    (world) => {
      const told: string[] = [];
      world
        .router()
        .client('watcher')
        .on('/**')
        .subscribe((signal) => told.push(short(signal)));
      build(world);
      return told;
    },
    { seed: 1, until },
  ).made;
}

describe('faderBank', () => {
  it('writes the params of the MIDI bridge, in steps of 7 or 14 bits, each step once', () => {
    const told = heard(({ client, time, at }) => {
      const coarse = faderBank(client('a'), { scheduler: time, device: 'desk' });
      const fine = faderBank(client('b'), { scheduler: time, bits: 14, channel: 3 });
      at(10, () => coarse.move(2, 0.5));
      at(20, () => coarse.move(2, 0.501));
      at(30, () => coarse.move(9, 1));
      at(40, () => coarse.move(8, 7));
      at(50, () => fine.move(1, 0.5));
    });
    expect(told.slice(0, 2)).toEqual([`/midi/desk/ch/1/cc/2 param ${64 / 127}`, '/midi/desk/ch/1/cc/8 param 1']);
    expect(told.slice(2).at(-1)).toBe(`/midi/faders/ch/3/cc14/1 param ${8192 / 16383}`);
  });

  it('slides evenly and arrives exactly, and not after it was stopped', () => {
    const told = heard(({ client, time, at }) => {
      const bank = faderBank(client('a'), { scheduler: time });
      at(0, () => bank.slide(1, 1, 500));
      at(0, () => {
        const stopped = bank.slide(2, 1, 500);
        at(250, () => stopped.unsubscribe());
      });
      at(600, () => bank.slide(1, 0, 0));
    });
    const of = (fader: number) =>
      told.filter((line) => line.includes(`/cc/${fader} `)).map((line) => Number(line.split(' ').at(-1)));
    const up = of(1).slice(0, -1);
    expect(up).toEqual([...up].sort((a, b) => a - b));
    expect([up.length, up.at(-1), of(1).at(-1)]).toEqual([50, 1, 0]);
    expect(of(2).at(-1)).toBeCloseTo(0.5, 1);
  });

  it('tells a touch as a gesture, and follows what others write unless it is touched', () => {
    const told = heard(({ client, time, at, note }) => {
      const bank = faderBank(client('a'), { scheduler: time });
      const other = client('b');
      at(10, () => other.set(bank.address(1), 1));
      at(20, () => bank.touch(1));
      at(20, () => bank.touch(1));
      at(30, () => other.set(bank.address(1), 0));
      at(40, () => expect(bank.position(1)).toBe(1));
      at(50, () => bank.move(1, 0));
      at(60, () => bank.release(1));
      at(60, () => bank.release(1));
      at(70, () => note('test', String(bank.position(1))));
    });
    expect(told).toEqual([
      '/midi/faders/ch/1/cc/1 param 1',
      '/midi/faders/touch/1 start 1',
      '/midi/faders/ch/1/cc/1 param 0',
      '/midi/faders/ch/1/cc/1 param 0',
      '/midi/faders/touch/1 move 0',
      '/midi/faders/touch/1 end 0',
    ]);
  });
});

describe('padController', () => {
  it('hits and releases as events with the velocity', () => {
    const told = heard(({ client, time, at }) => {
      const pads = padController(client('a'), { scheduler: time });
      at(10, () => pads.hit(1));
      at(20, () => pads.release(1));
      at(30, () => pads.hit(2, 0));
      at(40, () => pads.close());
      at(50, () => pads.hit(3));
    });
    expect(told).toEqual([
      '/midi/pads/ch/10/note/36 event 1',
      '/midi/pads/ch/10/note/36 event 0',
      `/midi/pads/ch/10/note/37 event ${1 / 127}`,
    ]);
  });
});

describe('dmxFixture', () => {
  it('shows the channels of its universe, from params and whole universes, 44 packets a second at most', () => {
    const { made } = simulate(
      ({ client, time, at, every }) => {
        const desk = client('desk');
        const light = dmxFixture(client('rig'), { scheduler: time });
        const looks: unknown[] = [];
        light.looks.subscribe((look) => looks.push(look));
        at(10, () => desk.set('/artnet/0/1', 255));
        at(10, () => desk.set('/artnet/1/2', 255));
        at(100, () => desk.stream('/artnet/0', Uint8Array.of(128, 1, 2, 3)));
        every(1, (count) => count >= 200 && count < 1_200 && desk.set('/artnet/0/4', count % 256));
        at(1_900, () => light.close());
        at(1_950, () => desk.set('/artnet/0/4', 0));
        return { looks, light };
      },
      { seed: 1, until: 5_000 },
    );
    expect(made.looks.slice(0, 2)).toEqual([
      { dimmer: 255, red: 0, green: 0, blue: 0 },
      { dimmer: 128, red: 1, green: 2, blue: 3 },
    ]);
    expect(made.looks.length).toBeLessThanOrEqual(48);
    expect(made.looks.length).toBeGreaterThan(40);
    expect(String(made.light)).toBe(
      [
        'dimmer 128 ████████········',
        'red      1 ················',
        'green    2 ················',
        `blue   ${1_199 % 256} ███████████·····`,
      ].join('\n'),
    );
  });

  it('comes to show the truth over a network that loses packets, since they are repeated', () => {
    const { made } = simulate(
      ({ client, time, at, random }) => {
        const desk = client('desk');
        const network = lossyNetwork<Uint8Array>({ latency: 3, loss: 0.5 }, { scheduler: time, random });
        at(10, () => desk.set('/artnet/0/1', 99));
        return dmxFixture(client('rig'), { scheduler: time, network });
      },
      { seed: 5, until: 20_000 },
    );
    expect(made.look['dimmer']).toBe(99);
    expect(made.packets).toBeLessThan(17);
  });
});
