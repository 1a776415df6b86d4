#!/usr/bin/env node
import { commands } from './commands.ts';
import { explain } from './help.ts';
import { loadSmall } from './small-start.ts';

/** Milliseconds for connections to close by themselves before the process ends anyway. */
const FAREWELL = 3_000;

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const words = process.argv.slice(2);
const explained = explain(words, commands);
if (explained !== undefined) {
  process.stdout.write(`${await explained}\n`);
} else {
  const load = async () => {
    const entry = commands.find(({ name }) => name === words[0]);
    const command = await entry?.load();
    return { ...(await import('./runner.ts')), ...(await import('./process-signals.ts')), command };
  };
  const { run, stop, unread, command } = await loadSmall(load);
  process.exitCode = await run(words, command ? [command] : commands, {
    env: process.env,
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    stop,
    unread,
  });
  setTimeout(() => process.exit(), FAREWELL).unref();
}
