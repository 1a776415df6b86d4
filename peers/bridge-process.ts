import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import type { BridgeEvent } from '../core/client/client.ts';
import type { Value } from '../core/signal/value.ts';

/** One line of the process: an event of a bridge, a param or a sample. */
type BridgeLine = BridgeEvent | { readonly type: 'signal'; readonly address: string; readonly value: Value };

/** A relay with bridges in a process of its own, as the `bridges` of a configuration file name them. */
export interface BridgeProcess {
  /** Everything it has said. */
  readonly lines: BridgeLine[];
  /** The newest value of an address. */
  value(address: string): Value | undefined;
  set(address: string, value: Value): void;
  /** Unsubscribes its bridges and ends. */
  close(): Promise<void>;
}

/**
 * Starts it, in a network namespace if one is named. It runs the sources as they are, bundled into one file, so that no
 * build has to be up to date.
 */
export async function bridgeProcess(
  bridges: readonly { readonly type: string }[],
  namespace?: string,
): Promise<BridgeProcess> {
  const root = join(fileURLToPath(import.meta.url), '../..');
  const folder = mkdtempSync(join(root, 'node_modules/.bridge-process-'));
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: {
      ssr: fileURLToPath(new URL('./bridge-program.ts', import.meta.url)),
      outDir: folder,
      target: 'node20',
      emptyOutDir: false,
      minify: false,
    },
  });
  const command = [process.execPath, join(folder, 'bridge-program.js'), JSON.stringify(bridges)];
  const words = namespace === undefined ? command : ['ip', 'netns', 'exec', namespace, ...command];
  const child = spawn(words[0] as string, words.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: BridgeLine[] = [];
  const values = new Map<string, Value>();
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const line = JSON.parse(part) as BridgeLine;
      lines.push(line);
      if (line.type === 'signal') values.set(line.address, line.value);
    }
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stdin.on('error', () => undefined);
  return {
    lines,
    value: (address) => values.get(address),
    set: (address, value) => child.stdin.write(`${JSON.stringify([address, value])}\n`),
    async close() {
      child.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
