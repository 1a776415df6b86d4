import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Subscription } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { router } from '../operators/router/router.ts';
import { clock } from '../platform-node/clock.ts';
import { webSocketListener } from '../platform-node/web-socket/web-socket-listener.ts';

// Two processes that have nothing in common but the relay's time. How exactly they fire is measured in bench.

interface Said {
  readonly listening?: number;
  readonly fired?: string;
  /** Microseconds by the clock of the machine, and by that of the relay as the process knows it. */
  readonly local: number;
  readonly relay: number;
}

const root = join(import.meta.dirname, '..');
const children: ChildProcess[] = [];
const relay = router({ now: clock });
const CUES = 5;
const patient = { timeout: 20_000, interval: 20 };
let running: Subscription;
let url: string;

/** Starts a player; gives what it says, line by line. */
function player(): Said[] {
  const child = spawn(process.execPath, [join(root, 'examples/play-together.mjs'), url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const said: Said[] = [];
  createInterface(child.stdout as NonNullable<typeof child.stdout>).on('line', (line) => said.push(JSON.parse(line)));
  return said;
}

beforeAll(async () => {
  url = await new Promise((resolve) => {
    const onListening = ({ port }: { port: number }) => resolve(`ws://127.0.0.1:${port}`);
    running = relay(webSocketListener({ port: 0, onListening })).subscribe();
  });
});
afterAll(() => {
  for (const child of children) child.kill();
  running.unsubscribe();
});

it('two processes fire at the time that the relay tells, together and never early', async () => {
  const players = [player(), player()];
  for (const said of players) await expect.poll(() => said[0]?.listening, patient).toBeGreaterThan(0);

  const caller = relay.client('caller');
  const spreads: number[] = [];
  for (let cue = 1; cue <= CUES; cue++) {
    const at = caller.time() + 300_000;
    await caller.emit(`/cue/${cue}`, { at });
    for (const said of players) await expect.poll(() => said[cue]?.fired, patient).toBe(`/cue/${cue}`);
    const fired = players.map((said) => said[cue] as Said);
    for (const { relay: when } of fired) expect(when).toBeGreaterThanOrEqual(at);
    spreads.push(Math.abs((fired[0]?.local ?? 0) - (fired[1]?.local ?? 0)) / 1_000);
  }
  // Half of the cues at least: this machine may have other things to do than to fire.
  spreads.sort((one, other) => one - other);
  expect(spreads[CUES >> 1]).toBeLessThan(50);
}, 60_000);
