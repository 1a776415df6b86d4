import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What the system says of one UDP socket. */
export interface UdpSocketRow {
  readonly port: number;
  /** What tells sockets apart, also those of one port. */
  readonly inode: string;
  /** Packets that were thrown away because its receive buffer was full. */
  readonly drops: number;
}

/** Inodes of the sockets that are watched: two of ours may have one port. */
const watched = new Set<string>();

/**
 * Reads `/proc/net/udp` of Linux; what has another form is left out.
 *
 * The second field is the local address in hexadecimal, with its port; the tenth the inode, the last the drops.
 */
export function parseUdpTable(text: string): readonly UdpSocketRow[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const port = Number.parseInt(fields[1]?.split(':')[1] ?? '', 16);
    const drops = Number(fields[12]);
    const inode = fields[9];
    if (fields.length < 13 || inode === undefined || !Number.isInteger(port) || !Number.isInteger(drops)) return [];
    return [{ port, inode, drops }];
  });
}

/**
 * Counts the packets that the system dropped at one UDP socket of this program because nobody read them in time. Where
 * the system does not tell (everywhere but on Linux) there are none.
 */
export class UdpDrops {
  readonly #table: string;
  readonly #inode: string | undefined;
  #counted = 0;

  /** @param port where the socket is bound */
  constructor(port: number, ipv6: boolean) {
    this.#table = ipv6 ? '/proc/net/udp6' : '/proc/net/udp';
    const rows = this.#rows().filter((row) => row.port === port && !watched.has(row.inode));
    const own = rows.length > 0 ? ownSockets() : new Set<string>();
    const row = rows.find(({ inode }) => own.has(inode));
    if (!row) return;
    this.#inode = row.inode;
    this.#counted = row.drops;
    watched.add(row.inode);
  }

  /** How many were dropped since it was asked last. */
  take(): number {
    if (this.#inode === undefined) return 0;
    const drops = this.#rows().find(({ inode }) => inode === this.#inode)?.drops ?? this.#counted;
    const since = drops - this.#counted;
    this.#counted = drops;
    return Math.max(0, since);
  }

  /** The socket is about to be closed. */
  close(): void {
    if (this.#inode !== undefined) watched.delete(this.#inode);
  }

  #rows(): readonly UdpSocketRow[] {
    if (process.platform !== 'linux') return [];
    try {
      return parseUdpTable(readFileSync(this.#table, 'latin1'));
    } catch {
      // Some containers hide it.
      return [];
    }
  }
}

/** The inodes of this program's sockets. */
function ownSockets(): ReadonlySet<string> {
  const inodes = new Set<string>();
  try {
    for (const name of readdirSync('/proc/self/fd')) {
      const inode = inodeOf(name);
      if (inode !== undefined) inodes.add(inode);
    }
  } catch {
    // Without it no row counts as ours.
  }
  return inodes;
}

function inodeOf(name: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${name}`))?.[1];
  } catch {
    // It was closed in the meantime.
    return undefined;
  }
}
