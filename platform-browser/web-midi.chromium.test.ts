import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, type ServedPages, servePages } from '../peers/bundle.ts';
import { type OpenChromium, openChromium } from '../peers/chromium.ts';
import { installed } from '../peers/installed.ts';
import type { WebMidiPage } from '../peers/web-midi-page.ts';

// In real Chromium; what is plugged in is played by web-midi-test, as a page without hardware has no MIDI at all.

const PAGE = '<!doctype html><title>midi</title><script type="module" src="/midi.js"></script>';

/** What web-midi-test gives: a source and a destination of MIDI, and what the destination received. */
interface Plugged {
  readonly desk: { connect(): void; disconnect(): void; emit(bytes: number[]): void };
  readonly synth: { connect(): void; disconnect(): void };
  readonly received: { readonly bytes: number[]; readonly at: number }[];
}
interface WebMidiTest {
  readonly requestMIDIAccess: unknown;
  readonly MidiSrc: new (name: string) => Plugged['desk'];
  readonly MidiDst: new (name: string) => Plugged['synth'] & { receive: (bytes: number[]) => void };
}
type TestWindow = { readonly midi: WebMidiPage } & Plugged;

const eventually = { timeout: 20_000, interval: 50 };

describe.skipIf(!installed('chromium'))('Web MIDI in Chromium', () => {
  let chromium: OpenChromium;
  let pages: ServedPages;
  let page: Page;

  beforeAll(async () => {
    const code = await bundle(fileURLToPath(new URL('../peers/web-midi-page.ts', import.meta.url)));
    pages = await servePages({ '/': PAGE, '/midi.js': code });
    chromium = await openChromium();
    page = await chromium.context.newPage();
    await page.addInitScript({ path: createRequire(import.meta.url).resolve('web-midi-test') });
    await page.addInitScript(() => {
      const { WMT } = globalThis as unknown as { WMT: WebMidiTest };
      Object.defineProperty(navigator, 'requestMIDIAccess', { value: WMT.requestMIDIAccess });
      const received: { bytes: number[]; at: number }[] = [];
      const desk = new WMT.MidiSrc('Desk');
      const synth = new WMT.MidiDst('Synth');
      synth.receive = (bytes) => received.push({ bytes: [...bytes], at: performance.now() });
      desk.connect();
      synth.connect();
      Object.assign(globalThis, { desk, synth, received });
    });
    await page.goto(pages.origin);
    await page.waitForFunction(() => (globalThis as unknown as TestWindow).midi?.outputs.length > 0);
  });
  afterAll(async () => {
    await chromium?.close();
    await pages?.close();
  });

  const emit = (...bytes: number[]) =>
    page.evaluate((all) => (globalThis as unknown as TestWindow).desk.emit(all), bytes);
  const list = (name: 'inputs' | 'outputs' | 'heard' | 'heardByLibrary' | 'failures') =>
    page.evaluate((key): readonly string[] => (globalThis as unknown as TestWindow).midi[key], name);
  const received = () => page.evaluate(() => (globalThis as unknown as TestWindow).received.splice(0));
  const send = (control: number, value: number, delay = 0) =>
    page.evaluate(
      ([to, what, wait]) => {
        const { midi } = globalThis as unknown as TestWindow;
        midi.send({ kind: 'param', address: `/midi/ch/1/cc/${to}`, value: what }, wait);
      },
      [control, value, delay] as const,
    );

  it('hears what a controller plays', async () => {
    await emit(0xb0, 1, 127);
    await emit(0xe0, 0, 64, 0x90, 60, 0);
    await expect
      .poll(() => list('heard'), eventually)
      .toEqual(['/midi/ch/1/cc/1 1', '/midi/ch/1/pitch 0.5', '/midi/ch/1/note/60 0']);
  });

  it('plays to an output, at the time that a signal has', async () => {
    await send(7, 1);
    await expect.poll(received, eventually).toMatchObject([{ bytes: [0xb0, 7, 127] }]);
    const before = await page.evaluate(() => performance.now());
    await send(7, 0, 300);
    await expect.poll(async () => (await received()).map(({ at }) => at >= before + 300), eventually).toEqual([true]);
  });

  it('tells what the browser refuses: a sysex without the right to it', async () => {
    await page.evaluate(() =>
      (globalThis as unknown as TestWindow).midi.send({
        kind: 'event',
        address: '/midi/sysex',
        value: Uint8Array.of(0x7d, 1),
      }),
    );
    await expect.poll(() => list('failures'), eventually).toHaveLength(1);
  });

  it('notices what is plugged in and pulled out', async () => {
    await page.evaluate(() => {
      const { desk, synth } = globalThis as unknown as TestWindow;
      desk.disconnect();
      synth.disconnect();
    });
    await expect
      .poll(async () => [(await list('inputs')).at(-1), (await list('outputs')).at(-1)], eventually)
      .toEqual(['', '']);
    await page.evaluate(() => {
      const { desk, synth } = globalThis as unknown as TestWindow;
      desk.connect();
      synth.connect();
    });
    await expect
      .poll(async () => [(await list('inputs')).at(-1), (await list('outputs')).at(-1)], eventually)
      .toEqual(['Desk', 'Synth']);
    await emit(0xb0, 9, 0);
    await expect.poll(async () => (await list('heard')).at(-1), eventually).toBe('/midi/ch/1/cc/9 0');
    await send(9, 0);
    await expect.poll(received, eventually).toMatchObject([{ bytes: [0xb0, 9, 0] }]);
  });

  it('takes the inputs and outputs of the library webmidi', async () => {
    await page.evaluate(() => (globalThis as unknown as TestWindow).midi.enableLibrary());
    await emit(0xb0, 11, 127);
    await expect.poll(() => list('heardByLibrary'), eventually).toEqual(['/midi/ch/1/cc/11 1']);
    await page.evaluate(() =>
      (globalThis as unknown as TestWindow).midi.sendByLibrary({
        kind: 'param',
        address: '/midi/ch/1/cc/12',
        value: 1,
      }),
    );
    await expect.poll(received, eventually).toMatchObject([{ bytes: [0xb0, 12, 127] }]);
  });

  it('takes each of two devices of one name by its number, and says that there are two', async () => {
    await page.evaluate(() => {
      const { midi, WMT } = globalThis as unknown as TestWindow & { WMT: WebMidiTest };
      const pads = [new WMT.MidiSrc('Pad'), new WMT.MidiSrc('Pad')];
      const lights = [0, 1].map((which) => {
        const light = new WMT.MidiDst('Light');
        light.receive = (bytes) => midi.failures.push(`light ${which}: ${[...bytes]}`);
        return light;
      });
      for (const port of [...pads, ...lights]) port.connect();
      for (const wanted of ['Pad #1', 'pad #2', 'Pad']) midi.choose(wanted);
      Object.assign(globalThis, { pads });
    });
    const chosen = () => page.evaluate(() => (globalThis as unknown as TestWindow).midi.chosen);
    const ambiguous = '[402] "Pad" is the name of several MIDI inputs: "Pad #1", "Pad #2"';
    await expect.poll(chosen, eventually).toEqual([['there'], ['there'], [ambiguous]]);
    await page.evaluate(() => {
      const { midi, pads } = globalThis as unknown as TestWindow & { pads: Plugged['desk'][] };
      pads[0]?.emit([0xb0, 1, 0]);
      pads[1]?.emit([0xb0, 1, 127]);
      pads[0]?.disconnect();
      midi.sendTo('light #2', { kind: 'param', address: '/midi/ch/1/cc/1', value: 1 });
    });
    // When the first is pulled out, the second is not taken for it.
    await expect
      .poll(chosen, eventually)
      .toEqual([['there', '/midi/ch/1/cc/1 0', 'gone'], ['there', '/midi/ch/1/cc/1 1'], [ambiguous]]);
    await expect.poll(async () => (await list('failures')).at(-1), eventually).toBe('light 1: 176,1,127');
    await page.evaluate(() => (globalThis as unknown as { pads: Plugged['desk'][] }).pads[1]?.disconnect());
    await expect.poll(chosen, eventually).toMatchObject([{}, ['there', '/midi/ch/1/cc/1 1', 'gone'], {}]);
  });
});
