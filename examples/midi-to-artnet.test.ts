import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { installed } from '../peers/installed.ts';
import { ended, type JackMidi, jackInstalled, jackMidi } from '../peers/jack-midi.ts';
import { mayMakeNamespaces, Ola } from '../peers/ola.ts';
import type { MidiModuleOutput } from '../platform-node/bridges/midi-module.ts';

// The configuration in the README, run as the README says, against JACK MIDI and OLA: turning a knob changes the fixture
// that OLA shows. Two bridges, one router, no code.

const root = join(import.meta.dirname, '..');
const main = join(root, 'dist/platform-node/cli/main.js');
const eventually = { timeout: 20_000, interval: 50 };
const available = jackInstalled() && installed('olad') && installed('ip') && installed('curl') && mayMakeNamespaces();

/** The JSON of the README's section. */
function configOfReadme(): Record<string, unknown> {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const section = readme.split('## Bridge MIDI to Art-Net in one file')[1] ?? '';
  return JSON.parse(/```json\n([\s\S]*?)```/.exec(section)?.[1] ?? '');
}

describe.skipIf(!available)('MIDI to Art-Net in one file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clasp-rx-midi-artnet-'));
  let jack: JackMidi;
  let ola: Ola;
  let knobs: MidiModuleOutput;
  let relay: ChildProcess;
  const lines: string[] = [];

  beforeAll(async () => {
    jack = await jackMidi();
    ola = await Ola.start();
    ola.patch('artnet', 'in', 0, 1);
    knobs = new jack.module.Output();
    knobs.openVirtualPort('nanoKONTROL2');

    // As it stands in the README, but for what this machine's stand-ins for hardware need.
    const config = configOfReadme() as { bridges: Record<string, unknown>[] };
    for (const bridge of config.bridges) {
      if (bridge['type'] === 'midi') bridge['module'] = relative(folder, jack.modulePath);
      if (bridge['type'] === 'artnet') bridge['targets'] = ['10.99.0.2'];
    }
    const file = join(folder, 'clasp.config.json');
    writeFileSync(file, JSON.stringify(config));
    relay = spawn('ip', ['netns', 'exec', ola.network.near, process.execPath, main, 'relay', '--config', file], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [relay.stdout, relay.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => lines.push(...text.split('\n').filter(Boolean)));
    }
  }, 300_000);

  afterAll(async () => {
    if (relay) await ended(relay);
    knobs?.destroy();
    await ola?.close();
    await jack?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('turning CC 1 changes the fixture in OLA', async () => {
    await vi.waitFor(() => expect(lines.join('\n')).toMatch(/midi|desk/), eventually);
    for (const [value, level] of [
      [127, 255],
      [64, 129],
      [0, 0],
    ] as const) {
      await vi.waitFor(() => {
        knobs.sendMessage(Buffer.from([0xb0, 1, value]));
        expect(ola.levels(1)[0]).toBe(level);
      }, eventually);
    }
  }, 60_000);
});
