import type { ArtNetPort, ArtPollReply } from './artnet.ts';

/** A node of the network, out of all its replies. */
export interface ArtNetNode {
  /** Where it answered from; where ArtDmx is sent to. */
  readonly ip: string;
  readonly shortName: string;
  readonly longName: string;
  readonly ports: readonly ArtNetPort[];
}

interface Heard {
  readonly ip: string;
  shortName: string;
  longName: string;
  at: number;
  /** One list a reply: a node with more than four ports sends several. */
  readonly replies: Map<number, readonly ArtNetPort[]>;
}

/** More nodes than this are not believed; the most silent is forgotten first. */
const MOST = 1_024;

/** The nodes that answered ArtPoll, and which universes they want. Pure: time is an argument, in milliseconds. */
export class ArtNetNodes {
  readonly #timeout: number;
  readonly #nodes = new Map<string, Heard>();
  #wanted = new Map<number, readonly string[]>();

  /** @param timeout milliseconds of silence after which a node is gone. @defaultValue 9000 */
  constructor(timeout = 9_000) {
    this.#timeout = timeout;
  }

  /** Notes a reply from `ip`. True when a node is new, or says something else than before. */
  heard(ip: string, { shortName, longName, ports, bindIndex }: ArtPollReply, now: number): boolean {
    let node = this.#nodes.get(ip);
    const isNew = node === undefined;
    if (node === undefined) {
      if (this.#nodes.size >= MOST) this.#forgetMostSilent();
      node = { ip, shortName, longName, at: now, replies: new Map() };
      this.#nodes.set(ip, node);
    }
    const known = node.replies.get(bindIndex);
    const isRenamed = node.shortName !== shortName || node.longName !== longName;
    const isSame = known !== undefined && samePorts(known, ports);
    node.at = now;
    node.shortName = shortName;
    node.longName = longName;
    if (!isSame) {
      node.replies.set(bindIndex, ports);
      this.#wanted = new Map();
    }
    return isNew || isRenamed || !isSame;
  }

  /** Forgets who has not answered for too long. True when somebody was. */
  expire(now: number): boolean {
    let gone = false;
    for (const [ip, { at }] of this.#nodes) {
      if (now - at < this.#timeout) continue;
      this.#nodes.delete(ip);
      gone = true;
    }
    if (gone) this.#wanted = new Map();
    return gone;
  }

  /** The addresses of those that want a universe. */
  subscribers(universe: number): readonly string[] {
    let ips = this.#wanted.get(universe);
    if (ips === undefined) {
      const wants = ({ replies }: Heard) =>
        [...replies.values()].some((ports) => ports.some((p) => p.output && p.outputUniverse === universe));
      ips = [...this.#nodes.values()].filter(wants).map(({ ip }) => ip);
      this.#wanted.set(universe, ips);
    }
    return ips;
  }

  /** Everybody, in the order they were first heard. */
  list(): ArtNetNode[] {
    return [...this.#nodes.values()].map(({ ip, shortName, longName, replies }) => ({
      ip,
      shortName,
      longName,
      ports: [...replies.values()].flat(),
    }));
  }

  #forgetMostSilent(): void {
    const [first] = [...this.#nodes.values()].sort((a, b) => a.at - b.at);
    if (first !== undefined) this.#nodes.delete(first.ip);
    this.#wanted = new Map();
  }
}

function samePorts(a: readonly ArtNetPort[], b: readonly ArtNetPort[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((port, i) => {
    const other = b[i] as ArtNetPort;
    return (
      port.output === other.output &&
      port.input === other.input &&
      port.outputUniverse === other.outputUniverse &&
      port.inputUniverse === other.inputUniverse
    );
  });
}
