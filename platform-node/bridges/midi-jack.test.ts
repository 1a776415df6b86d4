import { filter, interval, NEVER, type Subscription } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import type { Value } from '../../core/signal/value.ts';
import { router } from '../../operators/router/router.ts';
import { ended, type JackMidi, jackInstalled, jackMidi } from '../../peers/jack-midi.ts';
import { type MidiBridgeOptions, midiBridge } from './midi-bridge.ts';
import type { MidiModuleInput, MidiModulePort } from './midi-module.ts';

// Real MIDI without hardware: a JACK server, its own tools on the other end, and RtMidi built for it.

const open: Subscription[] = [];
const ports: MidiModulePort[] = [];

describe.skipIf(!jackInstalled())('midiBridge over JACK', () => {
  let jack: JackMidi;
  let app: Client;
  let bridgeClient: () => Client;

  beforeAll(async () => {
    jack = await jackMidi();
  }, 300_000);
  afterAll(() => jack?.close());

  const start = () => {
    const relay = router();
    open.push(relay(NEVER).subscribe());
    app = relay.client('app');
    bridgeClient = () => relay.client('midi');
  };
  afterEach(() => {
    for (const each of open.splice(0).reverse()) each.unsubscribe();
    for (const each of ports.splice(0)) each.destroy();
  });

  const bridge = (options: MidiBridgeOptions): BridgeEvent[] => {
    const events: BridgeEvent[] = [];
    open.push(
      midiBridge(bridgeClient(), { module: jack.module, poll: 50, ...options }).subscribe((event) =>
        events.push(event),
      ),
    );
    return events;
  };
  const seen = (pattern: string): [string, Value][] => {
    const all: [string, Value][] = [];
    open.push(
      app
        .on(pattern)
        .pipe(filter((signal) => 'value' in signal))
        .subscribe((signal) => all.push([signal.address, 'value' in signal ? signal.value : null])),
    );
    return all;
  };
  const eventually = { timeout: 20_000, interval: 50 };
  /** Does it again while it has no effect: JACK loses what it sends in a cycle that a client was late for. */
  const until = async (act: () => void, check: () => void) => {
    for (let attempt = 1; ; attempt++) {
      act();
      try {
        await vi.waitFor(check, { timeout: 4_000, interval: 50 });
        return;
      } catch (failure) {
        if (attempt === 5) throw failure;
      }
    }
  };
  const types = (events: readonly BridgeEvent[]) => events.map(({ type }) => type).filter((type) => type !== 'devices');

  it('plays to a device what changes, and finds it again when it returns, with its state', async () => {
    start();
    const events = bridge({ output: 'dump' });
    await vi.waitFor(() => expect(types(events)).toEqual(['retrying']), eventually);
    expect(events.find(({ type }) => type === 'retrying')).toMatchObject({
      reason: { code: 201, reason: expect.stringContaining('no MIDI output is called "dump"') },
    });

    const dump = jack.start('jack_midi_dump', 'dump');
    await vi.waitFor(() => expect(types(events)).toEqual(['retrying', 'ready']), eventually);
    await until(
      () => {
        app.set('/midi/ch/1/cc/7', 1);
        app.emit('/midi/ch/10/note/36', 100 / 127);
      },
      () => expect(dump.lines.join('\n')).toMatch(/b0 07 7f[\s\S]*99 24 64/i),
    );

    await ended(dump.child);
    await vi.waitFor(() => expect(types(events)).toEqual(['retrying', 'ready', 'retrying']), eventually);
    const again = jack.start('jack_midi_dump', 'dump');
    await vi.waitFor(() => expect(again.lines.join('\n')).toMatch(/b0 07 7f/i), eventually);
    expect(types(events)).toEqual(['retrying', 'ready', 'retrying', 'ready']);
    await ended(again.child);
  });

  it('sends clocks and time code that others follow', async () => {
    start();
    const dump = jack.start('jack_midi_dump', 'follower');
    const events = bridge({ output: 'follower', clock: true });
    await vi.waitFor(() => expect(types(events)).toContain('ready'), eventually);
    app.set('/midi/tempo', 240);
    const lines = () => dump.lines.join('\n');
    await until(
      () => app.emit('/midi/transport', 'start'),
      () => expect(lines()).toMatch(/ fa\b[\s\S]*( f8\b[\s\S]*){24}/i),
    );
    let frame = 0;
    const running = interval(40).subscribe(() => {
      app.stream('/midi/timecode', [1, 0, Math.floor(frame / 25) % 60, frame++ % 25, 25]);
    });
    open.push(running);
    await vi.waitFor(() => expect(lines()).toMatch(/ f1 0[0-9a-f]\b[\s\S]* f1 1[\s\S]* f1 73?/i), eventually);
    expect(lines()).toMatch(/f0 7f 7f 01 01 21/i);
    await ended(dump.child);
  });

  it('hears the notes of a sequencer', async () => {
    start();
    const sequencer = jack.start('jack_midiseq', 'sequencer', '24000', '0', '60', '8000', '12000', '64', '8000');
    const events = bridge({ input: 'sequencer', device: 'keys' });
    const notes = seen('/midi/keys/**');
    await vi.waitFor(() => expect(types(events)).toContain('ready'), eventually);
    await vi.waitFor(() => {
      const addresses = notes.map(([address, value]) => `${address} ${Number(value) > 0}`);
      for (const note of [60, 64]) {
        expect(addresses).toContain(`/midi/keys/ch/1/note/${note} true`);
        expect(addresses).toContain(`/midi/keys/ch/1/note/${note} false`);
      }
    }, eventually);
    await ended(sequencer.child);
  });

  it('opens ports of its own for other programs, and passes on all that MIDI has', async () => {
    start();
    const events = bridge({ input: 'relay in', output: 'relay out', virtual: true, cc14: [1] });
    await vi.waitFor(() => expect(types(events)).toEqual(['ready']), eventually);
    const all = seen('/midi/**');

    const keys = new jack.module.Output();
    const synth: MidiModuleInput = new jack.module.Input();
    ports.push(keys, synth);
    const received: string[] = [];
    synth.ignoreTypes(false, false, false);
    synth.on('messageBuffer', (_delta, bytes) => received.push(Buffer.from(bytes).toString('hex')));
    const connect = (port: MidiModulePort, name: string) => {
      const names = Array.from({ length: port.getPortCount() }, (_, index) => port.getPortName(index));
      port.openPort(names.findIndex((one) => one.endsWith(name)));
    };
    connect(keys, 'relay in');
    connect(synth, 'relay out');

    const play = (...bytes: number[]) => keys.sendMessage(Buffer.from(bytes));
    const messages = [
      [0xb0, 7, 127],
      [0xe0, 0, 64],
      [0xc0, 5],
      [0xb0, 1, 64],
      [0xb0, 33, 1],
      [0xb0, 99, 1],
      [0xb0, 98, 2],
      [0xb0, 6, 127],
      [0xf0, 0x7d, 1, 0xf7],
      [0xfa],
      [0xf8],
      [0x9f, 60, 127],
    ];
    await until(
      () => {
        all.length = 0;
        for (const message of messages) play(...message);
      },
      () =>
        expect([...new Set(all.map(([address]) => address))]).toEqual([
          '/midi/ch/1/cc/7',
          '/midi/ch/1/pitch',
          '/midi/ch/1/program',
          '/midi/ch/1/cc14/1',
          '/midi/ch/1/nrpn/130',
          '/midi/sysex',
          '/midi/transport',
          '/midi/clock',
          '/midi/ch/16/note/60',
        ]),
    );
    const newest = new Map(all);
    expect(newest.get('/midi/ch/1/cc/7')).toBe(1);
    expect(newest.get('/midi/ch/1/pitch')).toBe(0.5);
    expect(newest.get('/midi/ch/1/program')).toBe(5);
    expect(newest.get('/midi/ch/1/cc14/1')).toBe(((64 << 7) | 1) / 16_383);
    expect(newest.get('/midi/ch/1/nrpn/130')).toBe((127 << 7) / 16_383);
    expect(newest.get('/midi/sysex')).toEqual(Uint8Array.of(0xf0, 0x7d, 1, 0xf7));
    expect(newest.get('/midi/transport')).toBe('start');
    expect(newest.get('/midi/clock')).toBe(0);

    // What the device said is not sent back; what somebody else says is.
    await until(
      () => {
        app.set('/midi/ch/1/cc/7', 0);
        app.emit('/midi/sysex', Uint8Array.of(0x7d, 2));
        app.emit('/midi/transport', 'stop');
      },
      () => expect([...new Set(received)].sort()).toEqual(['b00700', 'f07d02f7', 'fc']),
    );
  });
});
