import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';

/**
 * Two network namespaces with a cable between them, so that broadcast and multicast are real and reach nobody else.
 * Needs to be root.
 */
export class NetworkNamespaces {
  /** Addresses at the two ends of the cable; the network is 10.99.0.0/24. */
  static readonly here = '10.99.0.1';
  static readonly there = '10.99.0.2';
  readonly near: string;
  readonly far: string;
  /** The interface at the near end. */
  readonly interface: string;

  constructor() {
    const id = `${process.pid.toString(36)}${randomBytes(2).toString('hex')}`;
    this.near = `clasp-${id}-a`;
    this.far = `clasp-${id}-b`;
    this.interface = `c${id}a`;
    const ip = (...words: string[]) => execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      ip('netns', 'add', this.near);
      ip('netns', 'add', this.far);
      ip(...`link add ${this.interface} netns ${this.near} type veth peer name c${id}b netns ${this.far}`.split(' '));
      const ends = [
        [this.near, this.interface, NetworkNamespaces.here],
        [this.far, `c${id}b`, NetworkNamespaces.there],
      ] as const;
      for (const [namespace, device, address] of ends) {
        ip('-n', namespace, 'addr', 'add', `${address}/24`, 'brd', '+', 'dev', device);
        ip('-n', namespace, 'link', 'set', device, 'up');
        ip('-n', namespace, 'link', 'set', 'lo', 'up');
        ip('-n', namespace, 'route', 'add', '224.0.0.0/4', 'dev', device);
      }
    } catch (reason) {
      this.close();
      throw reason;
    }
  }

  /** Runs a command at the far end and gives what it prints. */
  runFar(...words: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.far, ...words], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 10_000,
    });
  }

  /** Takes both away; what still runs in them must have been ended before. */
  close(): void {
    for (const name of [this.near, this.far]) {
      try {
        execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
      } catch {
        // Never made, or gone already.
      }
    }
  }
}
