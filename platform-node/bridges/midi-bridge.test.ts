import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Subscription, VirtualTimeScheduler } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { relayWithApp, startBridge } from '../../peers/watched-bridge.ts';
import { checkEntry } from '../config/check-entry.ts';
import { type MidiBridgeOptions, midiBridge } from './midi-bridge.ts';
import { midiBridgeType } from './midi-bridge-type.ts';
import { loadMidiModule, type MidiModule } from './midi-module.ts';

const open: Subscription[] = [];
afterEach(() => {
  for (const each of open.splice(0).reverse()) each.unsubscribe();
});

/** A machine with MIDI ports that come and go. */
class FakeMidi {
  inputs: string[] = [];
  outputs: string[] = [];
  readonly sent: string[] = [];
  /** Ports that are open, as `name (in)`. */
  readonly open = new Set<string>();
  readonly #listening = new Map<string, EventEmitter>();
  broken = false;

  play(name: string, ...bytes: number[]): void {
    this.#listening.get(name)?.emit('messageBuffer', 0, Uint8Array.from(bytes));
  }

  get module(): MidiModule {
    const machine = this;
    class Port extends EventEmitter {
      #name: string | undefined;
      readonly #suffix: string;
      readonly #names: () => string[];

      constructor(suffix: string, names: () => string[]) {
        super();
        if (machine.broken) throw new Error('Failed to initialise RtMidi');
        this.#suffix = suffix;
        this.#names = names;
      }
      getPortCount = () => this.#names().length;
      getPortName = (port: number) => this.#names()[port] ?? '';
      openPort(port: number) {
        const name = this.getPortName(port);
        const isOnly = this.#names().indexOf(name) === this.#names().lastIndexOf(name);
        this.openVirtualPort(isOnly ? name : `${name} at ${port}`);
      }
      openVirtualPort(name: string) {
        this.#name = name;
        machine.open.add(name + this.#suffix);
        if (this.#suffix === ' (in)') machine.#listening.set(name, this);
      }
      closePort() {
        if (this.#name !== undefined) machine.open.delete(this.#name + this.#suffix);
      }
      destroy() {
        this.closePort();
      }
      ignoreTypes = () => undefined;
      sendMessage(message: Buffer) {
        machine.sent.push(`${this.#name}: ${message.toString('hex')}`);
      }
    }
    return {
      Input: class extends Port {
        constructor() {
          super(' (in)', () => machine.inputs);
        }
      },
      Output: class extends Port {
        constructor() {
          super(' (out)', () => machine.outputs);
        }
      },
    };
  }
}

/** A bridge of a relay, which runs in virtual time. */
async function bridge(machine: FakeMidi, options: MidiBridgeOptions = {}) {
  const { relay, app } = relayWithApp(open);
  const scheduler = new VirtualTimeScheduler(undefined, 0);
  const client = relay.client('midi');
  const bridge = midiBridge(client, { module: machine.module, scheduler, ...options });
  const { events, ended, close } = await startBridge(bridge, open);
  /** Lets so many milliseconds pass. */
  const pass = (ms: number) => {
    scheduler.maxFrames = scheduler.frame + ms;
    scheduler.flush();
  };
  const told = () =>
    events.splice(0).map((event) => {
      if (event.type === 'devices') return event.devices.join(', ') || 'no devices';
      if (event.type === 'ready') return `ready: ${event.address}`;
      return event.type === 'retrying' ? `retrying: ${event.reason.reason}` : event.failure.message;
    });
  return { app, client, told, pass, ended, close };
}

describe('midiBridge', () => {
  it('opens the ports that are named, and passes on what they play, and what changes', async () => {
    const machine = new FakeMidi();
    machine.inputs = ['Midi Through 14:0', 'nanoKONTROL2 20:0'];
    machine.outputs = ['nanoKONTROL2 20:0'];
    const { app, told, close } = await bridge(machine, {
      input: 'nanokontrol2',
      output: 'nanokontrol2',
      device: 'desk',
    });
    expect(told()).toEqual([
      'Midi Through 14:0 (in), nanoKONTROL2 20:0 (in), nanoKONTROL2 20:0 (out)',
      'ready: nanoKONTROL2 20:0 (in), nanoKONTROL2 20:0 (out)',
    ]);
    machine.play('nanoKONTROL2 20:0', 0xb0, 1, 127);
    await vi.waitFor(async () => expect(await app.get('/midi/desk/ch/1/cc/1')).toBe(1));
    app.set('/midi/desk/ch/1/cc/2', 1);
    await vi.waitFor(() => expect(machine.sent).toEqual(['nanoKONTROL2 20:0: b0027f']));
    // The same value from somebody else is still what the device shows; another is not.
    await app.set('/midi/desk/ch/1/cc/1', 0);
    await vi.waitFor(() => expect(machine.sent.at(-1)).toBe('nanoKONTROL2 20:0: b00100'));
    close();
    expect([...machine.open]).toEqual([]);
  });

  it('opens each of two devices of one name by its number', async () => {
    const machine = new FakeMidi();
    machine.inputs = ['Launchpad', 'Keys', 'Launchpad'];
    machine.outputs = ['Launchpad', 'Launchpad'];
    const left = await bridge(machine, { input: 'Launchpad #1', output: 'launch #1', device: 'left' });
    const right = await bridge(machine, { input: 'Launchpad #2', output: 'launch #2', device: 'right' });
    expect(left.told()).toEqual([
      'Launchpad #1 (in), Keys (in), Launchpad #2 (in), Launchpad #1 (out), Launchpad #2 (out)',
      'ready: Launchpad #1 (in), Launchpad #1 (out)',
    ]);
    expect(right.told().at(-1)).toBe('ready: Launchpad #2 (in), Launchpad #2 (out)');
    machine.play('Launchpad at 0', 0xb0, 1, 127);
    machine.play('Launchpad at 2', 0xb0, 1, 0);
    await vi.waitFor(async () => expect(await left.app.get('/midi/left/ch/1/cc/1')).toBe(1));
    await vi.waitFor(async () => expect(await right.app.get('/midi/right/ch/1/cc/1')).toBe(0));
    right.app.set('/midi/right/ch/1/cc/2', 1);
    await vi.waitFor(() => expect(machine.sent).toEqual(['Launchpad at 1: b0027f']));

    // One is pulled out: which of the two, nobody knows.
    machine.inputs = ['Launchpad', 'Keys'];
    right.pass(1_000);
    expect(right.told().at(-1)).toBe('retrying: no MIDI input is called "Launchpad #2"; there are "Launchpad", "Keys"');
    left.pass(1_000);
    machine.play('Launchpad', 0xb0, 1, 64);
    await vi.waitFor(async () => expect(await left.app.get('/midi/left/ch/1/cc/1')).toBe(64 / 127));
    machine.inputs = ['Launchpad', 'Keys', 'Launchpad'];
    right.pass(1_000);
    expect(right.told().at(-1)).toBe('ready: Launchpad #2 (in), Launchpad #2 (out)');
    left.pass(1_000);
    machine.play('Launchpad at 0', 0xb0, 1, 1);
    await vi.waitFor(async () => expect(await left.app.get('/midi/left/ch/1/cc/1')).toBe(1 / 127));
  });

  it('ends with 402 where a name fits several ports, also when they are called the same', async () => {
    const machine = new FakeMidi();
    machine.inputs = ['Launchpad', 'Launchpad'];
    const { ended } = await bridge(machine, { input: 'Launchpad' });
    await vi.waitFor(() => expect(ended()).toBeDefined());
    expect(ended()).toMatchObject({
      code: 402,
      reason: '"Launchpad" is the name of several MIDI inputs: "Launchpad #1", "Launchpad #2"',
    });
  });

  it('plays every note of others, also one that the device has just played itself', async () => {
    const machine = new FakeMidi();
    machine.inputs = ['pads'];
    machine.outputs = ['pads'];
    const { app, pass } = await bridge(machine, { input: 'pads', output: 'pads' });
    // A pad lights while it is held; its colour is a velocity.
    app.on('/midi/ch/1/note/*').subscribe((signal) => {
      if (signal.kind === 'event') app.emit(signal.address, signal.value);
    });
    machine.play('pads', 0x90, 36, 127);
    machine.play('pads', 0x80, 36, 0);
    await vi.waitFor(() => {
      pass(1); // by the clock of the bridge's client the time of a note may be some microseconds ahead
      expect(machine.sent).toEqual(['pads: 90247f', 'pads: 802400']);
    });
  });

  it('tries again while a port is not there, and gives it the state when it returns', async () => {
    const machine = new FakeMidi();
    const { app, told, pass } = await bridge(machine, { input: 'Keys', output: 'Keys' });
    expect(told()).toEqual(['no devices', 'retrying: no MIDI input is called "Keys"; there is none at all']);
    await app.set('/midi/ch/1/cc/1', 1);
    pass(5_000);
    expect(told()).toEqual([]);
    machine.inputs = ['Keys'];
    machine.outputs = ['Keys'];
    pass(1_000);
    expect(told()).toEqual(['Keys (in), Keys (out)', 'ready: Keys (in), Keys (out)']);
    pass(100);
    await vi.waitFor(() => {
      pass(10);
      expect(machine.sent).toEqual(['Keys: b0017f']);
    });

    machine.inputs = [];
    machine.outputs = [];
    pass(1_000);
    expect(told()).toEqual(['no devices', 'retrying: no MIDI input is called "Keys"; there is none at all']);
    expect([...machine.open]).toEqual([]);
    machine.inputs = ['Keys'];
    machine.outputs = ['Keys'];
    pass(1_000);
    expect(told()).toEqual(['Keys (in), Keys (out)', 'ready: Keys (in), Keys (out)']);
    await vi.waitFor(() => {
      pass(10);
      expect(machine.sent).toEqual(['Keys: b0017f', 'Keys: b0017f']);
    });
  });

  it('tells of what it cannot pass on, and goes on', async () => {
    const machine = new FakeMidi();
    machine.inputs = ['Keys'];
    machine.outputs = ['Keys'];
    const { app, told, pass } = await bridge(machine, { input: 'Keys', output: 'Keys' });
    told();
    machine.play('Keys', 1, 2);
    expect(told()).toEqual(['[101] Keys: a data byte without a status']);
    await app.set('/midi/ch/1/volume', 1);
    await app.set('/midi/ch/1/cc/1', 'loud');
    pass(1_000);
    await vi.waitFor(() => expect(told().join()).toContain('2 failures within 1000 ms'));
    app.set('/midi/ch/1/cc/1', 1);
    await vi.waitFor(() => expect(machine.sent).toEqual(['Keys: b0017f']));
  });

  it('leaves the state out where asked to, and makes ports of its own', async () => {
    const machine = new FakeMidi();
    const { app, told } = await bridge(machine, { output: 'relay', virtual: true, sendState: false });
    expect(told()).toEqual(['no devices', 'ready: relay (out)']);
    app.set('/midi/ch/1/cc/1', 1);
    await vi.waitFor(() => expect(machine.sent).toEqual(['relay: b0017f']));
  });

  it('errors when a name fits several ports, and lists them', async () => {
    const machine = new FakeMidi();
    machine.inputs = ['Keys A', 'Keys B'];
    const { ended } = await bridge(machine, { input: 'keys' });
    await vi.waitFor(() =>
      expect(ended()).toMatchObject({
        code: 402,
        reason: '"keys" is the name of several MIDI inputs: "Keys A", "Keys B"',
      }),
    );
    expect([...machine.open]).toEqual([]);
  });

  it('errors when nothing is named, and where there is no MIDI', async () => {
    const machine = new FakeMidi();
    expect((await bridge(machine)).ended()).toMatchObject({ code: 402 });
    machine.broken = true;
    expect((await bridge(machine, { input: 'Keys' })).ended()).toMatchObject({
      code: 501,
      reason: expect.stringContaining('this machine has no MIDI that can be opened: Failed to initialise RtMidi'),
    });
  });

  it('completes when its client is closed', async () => {
    const machine = new FakeMidi();
    machine.inputs = ['Keys'];
    const { client, ended } = await bridge(machine, { input: 'Keys' });
    client.close();
    await vi.waitFor(() => expect(ended()).toBe('complete'));
    expect([...machine.open]).toEqual([]);
  });
});

describe('loadMidiModule', () => {
  it('names the command to install what is missing', async () => {
    await expect(loadMidiModule('no-such-midi')).rejects.toMatchObject({
      code: 501,
      reason: 'MIDI needs the package no-such-midi: npm install no-such-midi',
    });
  });

  it('takes another package, by its path', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clasp-rx-midi-'));
    writeFileSync(join(folder, 'index.cjs'), 'exports.Input = class {}; exports.Output = class {};');
    writeFileSync(join(folder, 'broken.cjs'), 'throw new Error("libjack.so.0: cannot open");');
    try {
      expect(Object.keys(await loadMidiModule(join(folder, 'index.cjs')))).toEqual(['Input', 'Output']);
      await expect(loadMidiModule(join(folder, 'broken.cjs'))).rejects.toMatchObject({
        code: 501,
        reason: expect.stringContaining('does not load: libjack.so.0: cannot open'),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('midiBridgeType', () => {
  const check = (entry: object) => () => checkEntry(midiBridgeType.schema, { type: 'midi', ...entry }, 'desk');

  it('reads an entry of a configuration file', () => {
    const entry = { name: 'desk', input: 'nanoKONTROL2', output: 'nanoKONTROL2', device: 'desk', cc14: [1, 7] };
    expect(check(entry)()).toEqual({ type: 'midi', ...entry });
    expect(check({ input: 'a', cc14: true, raw: true })()).toBeDefined();
  });

  it.each([
    ['a MIDI bridge without a port', {}, 'needs an input or an output'],
    ['a device of two segments', { input: 'a', device: 'a/b' }, 'device must be one segment'],
    ['a control without a fine half', { input: 'a', cc14: [32] }, 'cc14'],
    ['the root as namespace', { input: 'a', namespace: '' }, 'namespace'],
    ['a typo', { inptu: 'a' }, 'inptu'],
  ])('refuses %s', (_name, entry, text) => {
    expect(check(entry)).toThrow(text);
  });
});
