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
  /** A node with more than four ports sends several replies, and not every node numbers them. */
  pages: Page[];
}

interface Page {
  readonly bindIndex: number;
  readonly ports: readonly ArtNetPort[];
  at: number;
}

/** Milliseconds in which all replies to one poll have come: nodes wait for up to 1 s, and are polled every 2.5 to 3 s. */
const ROUND = 2_000;
/** More replies of one node are not believed: each of its universes in one of its own, and some to spare. */
const MOST_PAGES = 512;

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
      node = { ip, shortName, longName, at: now, pages: [] };
      this.#nodes.set(ip, node);
    }
    const known = node.pages.find((page) => page.bindIndex === bindIndex && samePorts(page.ports, ports));
    const isRenamed = node.shortName !== shortName || node.longName !== longName;
    node.at = now;
    node.shortName = shortName;
    node.longName = longName;
    if (known !== undefined) {
      known.at = now;
    } else {
      // Another page of the same answer, or what it says now instead of what it said in the answer before.
      const others = node.pages.filter((page) => page.bindIndex !== bindIndex || now - page.at < ROUND);
      node.pages = [...others.slice(-MOST_PAGES + 1), { bindIndex, ports, at: now }];
      this.#wanted = new Map();
    }
    return isNew || isRenamed || known === undefined;
  }

  /** Forgets who, and which ports, have not been told of for too long. True when somebody, or something, was. */
  expire(now: number): boolean {
    let gone = false;
    for (const [ip, node] of this.#nodes) {
      const pages = node.pages.filter(({ at }) => now - at < this.#timeout);
      if (pages.length === node.pages.length) continue;
      gone = true;
      node.pages = pages;
      if (pages.length === 0) this.#nodes.delete(ip);
    }
    if (gone) this.#wanted = new Map();
    return gone;
  }

  /** The addresses of those that want a universe. */
  subscribers(universe: number): readonly string[] {
    let ips = this.#wanted.get(universe);
    if (ips === undefined) {
      const wants = ({ pages }: Heard) =>
        pages.some(({ ports }) => ports.some((p) => p.output && p.outputUniverse === universe));
      ips = [...this.#nodes.values()].filter(wants).map(({ ip }) => ip);
      this.#wanted.set(universe, ips);
    }
    return ips;
  }

  /** Everybody, in the order they were first heard. */
  list(): ArtNetNode[] {
    return [...this.#nodes.values()].map(({ ip, shortName, longName, pages }) => ({
      ip,
      shortName,
      longName,
      ports: pages.flatMap(({ ports }) => ports),
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
