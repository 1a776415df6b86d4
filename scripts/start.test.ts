// `npm start` as people type it: what they ask for counts, and whatever ends npm ends the relay.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { freeUdpPort } from '../peers/free-port.ts';
import { root } from './public-names.ts';
import { startArguments } from './start.mjs';

let folder = '';
const running = new Set<ChildProcess>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'clasp-rx-start-'));
});
afterEach(() => {
  // The group: what npm started and lost sight of would stay.
  for (const { pid } of running) if (pid !== undefined) process.kill(-pid, 'SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Started {
  readonly npm: ChildProcess;
  readonly bridges: readonly { readonly name: string; readonly listen: string }[];
  /** Resolves with the code and the reason that the relay closes a session with. */
  readonly closed: Promise<string>;
  /** Resolves when npm and everything below it have ended. */
  readonly ended: Promise<void>;
}

/** Without `prestart`: the build that is there is the one under test. */
async function npmStart(...words: string[]): Promise<Started> {
  const args = ['--ignore-scripts', '--silent', 'start', '--', '--json', '--port', '0', ...words];
  const npm = spawn('npm', args, { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(npm);
  // The pipe is closed when the last process that inherited it has ended.
  const ended = new Promise<void>((resolve) => {
    npm.on('close', () => {
      running.delete(npm);
      resolve();
    });
  });
  const line = new Promise<string>((told) => createInterface({ input: npm.stdout }).once('line', told));
  const first = await Promise.race([line, ended]);
  if (first === undefined) throw new Error(`npm start ended with ${npm.exitCode}`);
  const { bridges, port } = JSON.parse(first);
  const session = new WebSocket(`ws://127.0.0.1:${port}`, 'clasp');
  const closed = new Promise<string>((resolve) => {
    session.on('close', (code, reason) => resolve(`${code} ${reason}`));
  });
  await once(session, 'open');
  return { npm, bridges, closed, ended };
}

describe('npm start', () => {
  it('leaves the OSC bridge of a configuration file where the file has it', async () => {
    const port = await freeUdpPort();
    const file = join(folder, 'clasp.config.json');
    writeFileSync(file, JSON.stringify({ bridges: [{ name: 'desk', type: 'osc', listen: port }] }));
    const { bridges } = await npmStart('--config', file);
    expect(bridges).toEqual([expect.objectContaining({ name: 'desk', listen: `127.0.0.1:${port}` })]);
  });

  it('closes every session when npm alone is told to end', async () => {
    const { npm, closed, ended } = await npmStart('--osc-port', '0');
    npm.kill('SIGTERM');
    expect(await closed).toBe('1001 shutting down');
    await ended;
  });

  it('does so at Ctrl-C, which a terminal sends to all of them', async () => {
    const { npm, closed, ended } = await npmStart('--osc-port', '0');
    process.kill(-(npm.pid ?? 0), 'SIGINT');
    expect(await closed).toBe('1001 shutting down');
    await ended;
  });
});

describe('startArguments', () => {
  it('opens OSC on port 8000 unless an option or a file says where, or that there is none', () => {
    expect(startArguments([])).toEqual(['relay', '--osc-port', '8000']);
    expect(startArguments(['--osc-target', 'localhost:9000'])).toContain('8000');
    for (const words of [['--config', 'a.json'], ['--config=a.json'], ['--osc-port', '7000'], ['--osc-port=7000']])
      expect(startArguments(words)).toEqual(['relay', ...words]);
  });
});

describe('the scripts of package.json', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  /** What `sh` understands and `cmd.exe` does not. */
  const ofOneShell = /(^|&&\s*)(exec|export|rm|cp|mv|mkdir|test|cat|sleep)\b|'|\$|;|(^|\s)[A-Z_]+=|`/;

  it.each(Object.entries<string>(scripts))('%s runs in the shell of Windows too', (_, line) => {
    // What stands in double quotes is for the program.
    expect(line.replace(/"[^"]*"/g, '')).not.toMatch(ofOneShell);
  });
  it('and what would not is seen', () => {
    for (const line of ['exec node x', 'A=1 node x', "node -e '1'", 'rm -r dist', 'echo $HOME'])
      expect(line).toMatch(ofOneShell);
  });
});
