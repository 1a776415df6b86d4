import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { installed } from './installed.ts';

/** A Mosquitto broker of our own, on a free port of this machine. */
export interface Mosquitto {
  readonly port: number;
  /** Has it do nothing any more, and answer nothing. */
  freeze(): void;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again on the same port, without what it retained. */
  start(): Promise<void>;
  /** Ends it and leaves nothing behind. */
  close(): Promise<void>;
}

/** Starts a broker; `settings` are lines of its configuration. */
export async function mosquitto(settings: readonly string[] = ['allow_anonymous true']): Promise<Mosquitto> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'mosquitto-'));
  const file = join(folder, 'mosquitto.conf');
  // Its defaults drop what a burst of QoS 1 leaves in the queue.
  const lines = [`listener ${port} 127.0.0.1`, 'persistence false', 'max_queued_messages 0', ...settings];
  writeFileSync(file, `${lines.join('\n')}\n`);
  let broker: ChildProcess | undefined;

  const start = async () => {
    broker = spawn(installed('mosquitto') as string, ['-c', file], { stdio: 'ignore' });
    for (let attempt = 0; attempt < 200 && !(await answers(port)); attempt++) {
      await new Promise((later) => setTimeout(later, 25));
    }
  };
  const kill = async () => {
    const ending = broker;
    broker = undefined;
    if (!ending || ending.exitCode !== null) return;
    await new Promise((ended) => {
      ending.once('exit', ended);
      ending.kill('SIGKILL');
    });
  };
  const freeze = () => {
    broker?.kill('SIGSTOP');
  };
  const close = async () => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  await start();
  return { port, start, freeze, kill, close };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Runs `mosquitto_pub` to its end. */
export async function mosquittoPub(port: number, ...words: readonly string[]): Promise<void> {
  await promisify(execFile)(installed('mosquitto_pub') as string, ['-h', '127.0.0.1', '-p', String(port), ...words]);
}

/** Runs `mosquitto_sub` to its end, which `-C` and `-W` bring, and gives its lines. */
export async function mosquittoSub(port: number, ...words: readonly string[]): Promise<readonly string[]> {
  const command = installed('mosquitto_sub') as string;
  const { stdout } = await promisify(execFile)(command, ['-h', '127.0.0.1', '-p', String(port), ...words]);
  return stdout.split('\n').slice(0, -1);
}
