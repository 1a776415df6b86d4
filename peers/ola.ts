import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NetworkNamespaces } from './network-namespaces.ts';

/** OLA's other plugins: they would open devices of this machine. */
const OTHER_PLUGINS = [
  ...['espnet', 'ftdidmx', 'gpio', 'karate', 'kinet', 'milinst', 'opendmx', 'openpixelcontrol', 'osc', 'pathport'],
  ...['renard', 'sandnet', 'shownet', 'spi', 'spidmx', 'stageprofi', 'uartdmx', 'usbdmx', 'usbpro', 'usbserial'],
];
/** Device numbers of `ola_patch`, in the order in which the plugins are loaded. */
const DEVICES = { artnet: 2, sacn: 3 } as const;
const HTTP = `http://${NetworkNamespaces.there}:9090`;

/**
 * The OLA daemon in a network namespace of its own, joined by a cable to a second one for what is tested. Several may
 * run side by side. `close` ends the daemon and leaves nothing.
 */
export class Ola {
  readonly network: NetworkNamespaces;
  readonly #daemon: ChildProcess;
  readonly #config: string;

  private constructor(network: NetworkNamespaces, daemon: ChildProcess, config: string) {
    this.network = network;
    this.#daemon = daemon;
    this.#config = config;
  }

  /** Starts it, and resolves when it answers. */
  static async start(): Promise<Ola> {
    const network = new NetworkNamespaces();
    const config = mkdtempSync(join(tmpdir(), 'ola-'));
    try {
      for (const plugin of OTHER_PLUGINS) writeFileSync(join(config, `ola-${plugin}.conf`), 'enabled = false\n');
      for (const plugin of ['artnet', 'e131']) {
        writeFileSync(join(config, `ola-${plugin}.conf`), `enabled = true\nip = ${NetworkNamespaces.there}\n`);
      }
      const [user, group] = olaUser();
      chownSync(config, user, group);
      const words = ['setpriv', `--reuid=${user}`, `--regid=${group}`, '--clear-groups'];
      const daemon = spawn(
        'ip',
        ['netns', 'exec', network.far, ...words, 'olad', '-c', config, '--no-register-with-dns-sd', '-l', '1'],
        { stdio: 'ignore' },
      );
      const ola = new Ola(network, daemon, config);
      await ola.#answers();
      return ola;
    } catch (reason) {
      network.close();
      rmSync(config, { recursive: true, force: true });
      throw reason;
    }
  }

  /** Joins a port of a protocol with one of OLA's universes: `in` is what OLA receives. */
  patch(protocol: keyof typeof DEVICES, direction: 'in' | 'out', port: number, universe: number): void {
    const what = ['-d', DEVICES[protocol], '-p', port, '-u', universe].map(String);
    this.network.runFar('ola_patch', ...what, ...(direction === 'in' ? ['-i'] : []));
  }

  /** What a universe shows. */
  levels(universe: number): number[] {
    return JSON.parse(this.network.runFar('curl', '-sf', `${HTTP}/get_dmx?u=${universe}`)).dmx;
  }

  /** Sets the first channels of a universe. */
  set(universe: number, ...levels: number[]): void {
    this.network.runFar('curl', '-sf', '-d', `u=${universe}&d=${levels.join(',')}`, `${HTTP}/set_dmx`);
  }

  /** Tells the time of a show, at 25 frames a second, as `hours:minutes:seconds:frames`. */
  timeCode(time: string): void {
    this.network.runFar('ola_timecode', '-f', 'EBU', time);
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#daemon.once('exit', resolve));
    if (this.#daemon.exitCode === null && this.#daemon.signalCode === null) {
      this.#daemon.kill('SIGKILL');
      await ended;
    }
    this.network.close();
    rmSync(this.#config, { recursive: true, force: true });
  }

  async #answers(): Promise<void> {
    const until = Date.now() + 20_000;
    for (;;) {
      try {
        this.network.runFar('curl', '-sf', `${HTTP}/json/server_stats`);
        if (this.network.runFar('ola_dev_info').includes('E1.31')) return;
      } catch (reason) {
        if (Date.now() > until) {
          await this.close();
          throw reason;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Whether network namespaces may be made here. */
export function mayMakeNamespaces(): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    const name = `clasp-try-${process.pid}`;
    execFileSync('ip', ['netns', 'add', name], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** OLA refuses to be root. */
function olaUser(): [user: number, group: number] {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('olad:'));
  const [, , user, group] = line?.split(':') ?? [];
  return [Number(user ?? 65_534), Number(group ?? 65_534)];
}
