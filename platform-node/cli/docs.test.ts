import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

interface Example {
  readonly command: string;
  readonly printed: readonly string[];
}

/** The commands of the `console` blocks of a text, each with what it prints. */
const examplesOf = (markdown: string): Example[] =>
  [...markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((example) => {
        const [command = '', ...printed] = example.trimEnd().split('\n');
        return { command, printed };
      }),
  );

/** A line in which `…` stands for anything. */
const like = (line: string): RegExp =>
  new RegExp(
    `^${line
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  );

describe('the examples of docs/cli.md', () => {
  const [start, ...examples] = examplesOf(readFileSync(join(root, 'docs/cli.md'), 'utf8'));
  let folder = '';
  let relay: ChildProcess | undefined;
  let listening = '';
  /** The ports it got, and those in the text. */
  let ports: readonly (readonly [got: string, written: string])[] = [];

  /** Runs a line of shell in which `clasp-rx` is what the build made; gives all that was printed. */
  const shell = (line: string): Promise<string> =>
    new Promise((resolve) => {
      const { CLASP_TOKEN: _, ...inherited } = process.env;
      const env = {
        ...inherited,
        PATH: `${folder}${delimiter}${process.env['PATH']}`,
        CLASP_URL: ports.reduce((url, [got, written]) => url.replace(written, got), 'ws://localhost:7330'),
      };
      execFile('/bin/sh', ['-c', `${line} 2>&1`], { env, cwd: folder }, (_failed, out) => {
        resolve(ports.reduce((text, [got, written]) => text.replaceAll(`:${got}`, `:${written}`), out).trimEnd());
      });
    });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'clasp-rx-docs-'));
    const program = join(folder, 'clasp-rx');
    writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${root}/dist/platform-node/cli/main.js" "$@"\n`);
    chmodSync(program, 0o755);

    const words = (start?.command ?? '')
      .split(' ')
      .slice(1)
      .map((word) => word.replace(/^8000$/, '0'));
    const running = spawn(program, [...words, '--port', '0'], { stdio: ['ignore', 'pipe', 'ignore'] });
    relay = running;
    await new Promise<void>((ready, failed) => {
      running.on('close', () => failed(new Error(`it ended: ${listening}`)));
      running.stdout.setEncoding('utf8').on('data', (text: string) => {
        listening += text;
        if (listening.split('\n').length > (start?.printed.length ?? 0)) ready();
      });
    });
    ports = [
      [/ws:\/\/localhost:(\d+)/.exec(listening)?.[1] ?? '', '7330'],
      [/udp:\/\/127\.0\.0\.1:(\d+)/.exec(listening)?.[1] ?? '', '8000'],
    ];
  });

  afterAll(async () => {
    const ended = new Promise((closed) => relay?.on('close', closed));
    relay?.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true });
  });

  it('start a relay that says where it listens', () => {
    const told = ports.reduce((text, [got, written]) => text.replaceAll(`:${got}`, `:${written}`), listening);
    expect(told.trimEnd().split('\n')).toEqual(start?.printed);
  });

  // In order: later examples read what earlier ones wrote.
  it.each(examples.map(({ command, printed }) => [command, printed] as const))(
    'print what is written: %s',
    async (command, printed) => {
      const lines = (await shell(command)).split('\n').filter((line) => line !== '');
      expect(lines).toHaveLength(printed.length);
      for (const [index, line] of lines.entries()) expect(line).toMatch(like(printed[index] ?? ''));
    },
  );
});
