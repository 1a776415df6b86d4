#!/usr/bin/env node
import { createInterface } from 'node:readline';
import { fromEvent, Observable, Subject } from 'rxjs';
import { createClient } from '../../operators/client/client.ts';
import { clock } from '../clock.ts';
import { createRelay } from '../relay.ts';
import { webSocketDial } from '../web-socket/web-socket-dial.ts';
import { bridgeCommand } from './bridge.ts';
import { bundleCommand } from './bundle.ts';
import { checkCommand } from './check.ts';
import type { Connect } from './connect.ts';
import { emitCommand } from './emit.ts';
import { getCommand } from './get.ts';
import { infoCommand } from './info.ts';
import { relayCommand } from './relay.ts';
import { run } from './runner.ts';
import { setCommand } from './set.ts';
import { streamCommand } from './stream.ts';
import { subCommand } from './sub.ts';
import { figures } from './summary.ts';

/** Milliseconds for connections to close by themselves before the process ends anyway. */
const FAREWELL = 3_000;
/** Milliseconds after which a second Ctrl-C ends the process at once. */
const IMPATIENCE = 500;

const connectAs =
  (name: string, greeting = false): Connect =>
  ({ url, token }) =>
    createClient(webSocketDial(url), { name: `clasp-rx ${name}`, token, greeting, random: Math.random, now: clock });

/** Standard input, line by line. Reading starts with the subscription and ends with it. */
const input = new Observable<string>((out) => {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', (line) => out.next(line));
  lines.on('close', () => out.complete());
  return () => {
    lines.close();
    process.stdin.destroy();
  };
});

const stop = new Subject<void>();
let stopped = Number.POSITIVE_INFINITY;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // npm and some supervisors pass a Ctrl-C on that the terminal has sent already; a later one is meant.
    if (performance.now() - stopped > IMPATIENCE) process.exit(1);
    if (stopped < Number.POSITIVE_INFINITY) return;
    stopped = performance.now();
    stop.next();
  });
}

const unread = new Subject<void>();
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  unread.next();
});
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const commands = [
  relayCommand({ start: createRelay, reload: fromEvent(process, 'SIGHUP') }),
  checkCommand(),
  // A device's first frame is compared with what the relay has.
  bridgeCommand((name) => connectAs(name, true)),
  subCommand(connectAs('sub')),
  setCommand(connectAs('set')),
  getCommand(connectAs('get')),
  emitCommand(connectAs('emit')),
  streamCommand(connectAs('stream'), input),
  bundleCommand(connectAs('bundle'), input),
  infoCommand({ dial: webSocketDial, figures, now: clock }),
];

process.exitCode = await run(process.argv.slice(2), commands, {
  env: process.env,
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  stop,
  unread,
});
setTimeout(() => process.exit(), FAREWELL).unref();
