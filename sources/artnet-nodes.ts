import { Observable, type SchedulerLike, type Subscription } from 'rxjs';
import type { DatagramSocket } from '../core/connection/datagram.ts';
import {
  type ArtNetPort,
  type ArtPollReply,
  encodeArtPoll,
  encodeArtPollReply,
  parseArtNet,
} from '../core/protocols/artnet/artnet.ts';
import { type ArtNetNode, ArtNetNodes } from '../core/protocols/artnet/artnet-nodes.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { RecentMap } from '../core/transforms/recent-map.ts';

export interface ArtNetDiscoveryOptions {
  /** Who is asked, as `host:port`: a broadcast address, or nodes. @defaultValue nobody */
  readonly poll?: readonly string[];
  /** Milliseconds between two polls (Art-Net wants 2500 to 3000). @defaultValue 2800 */
  readonly interval?: number;
  /** What is answered to those who poll; a reply for each four ports. @defaultValue nothing */
  readonly replies?: readonly Partial<ArtPollReply>[];
  /** The UDP port of the others, to which answers go. @defaultValue 6454 */
  readonly port?: number;
  /** Whose packets are passed over: our own, which a broadcast brings back. @defaultValue nobody's */
  readonly ignore?: (from: string) => boolean;
  /** Where the nodes are kept: give the same to `artNetSink`. @defaultValue a list of its own */
  readonly nodes?: ArtNetNodes;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** One poller is answered once in this many milliseconds. */
const ANSWER_PAUSE = 200;
/** Pollers that are remembered. */
const MAX_POLLERS = 256;
const POLL_REPLY = 0x21;
const POLL = 0x20;

/**
 * The Art-Net nodes of the network, as a list: whenever one comes, changes or falls silent. Meanwhile polls, and answers
 * those who poll, so that they know of us.
 *
 * Cold; completes with the socket. Packets that cannot be read are the source's to tell of.
 *
 * @example
 * ```ts
 * udpSocket({ listen: 6454, broadcast: true }).subscribe((socket) => {
 *   const nodes = artNetDiscovery(socket, { poll: ['10.255.255.255:6454'] });
 *   nodes.subscribe((list) => console.log(list.map(({ shortName, ip }) => `${shortName} (${ip})`)));
 * });
 * ```
 */
export function artNetDiscovery(
  socket: Pick<DatagramSocket, 'incoming' | 'send'>,
  options: ArtNetDiscoveryOptions = {},
): Observable<readonly ArtNetNode[]> {
  const { poll = [], interval = 2_800, replies = [], port = 6454, ignore = () => false } = options;
  const { scheduler = monotonicScheduler, nodes = new ArtNetNodes(3 * interval + 600) } = options;

  return new Observable((out) => {
    const answers = replies.map(encodeArtPollReply);
    const answeredAt = new RecentMap<string, number>(MAX_POLLERS);
    let timer: Subscription | undefined;

    const ask = () => {
      timer = scheduler.schedule(ask, interval);
      if (nodes.expire(scheduler.now())) out.next(nodes.list());
      for (const to of poll) socket.send(encodeArtPoll(), to);
    };
    const answer = (from: string, now: number) => {
      if (now - (answeredAt.get(from) ?? Number.NEGATIVE_INFINITY) < ANSWER_PAUSE) return;
      answeredAt.set(from, now);
      const to = `${hostOf(from)}:${port}`;
      for (const bytes of answers) socket.send(bytes, to);
    };

    out.add(() => timer?.unsubscribe());
    out.add(
      socket.incoming.subscribe({
        next({ bytes, from }) {
          const operation = bytes[9];
          if ((operation !== POLL && operation !== POLL_REPLY) || ignore(from)) return;
          const packet = parseArtNet(bytes);
          if ('fault' in packet) return;
          const now = scheduler.now();
          if (packet.op === 'poll') answer(from, now);
          else if (packet.op === 'poll-reply' && nodes.heard(hostOf(from), packet, now)) out.next(nodes.list());
        },
        complete: () => out.complete(),
      }),
    );
    if (poll.length > 0) ask();
    // Whoever polls seldom knows of us at once.
    for (const to of poll) for (const bytes of answers) socket.send(bytes, to);
  });
}

/**
 * What we say about ourselves: the universes as ports, four a reply as Art-Net has it, those of one net and sub-net
 * together.
 */
export function artNetReplies(
  about: Partial<ArtPollReply>,
  universes: readonly number[],
  ports: Pick<ArtNetPort, 'input' | 'output'>,
): Partial<ArtPollReply>[] {
  const groups: number[][] = [];
  for (const universe of [...universes].sort((a, b) => a - b)) {
    const last = groups.at(-1);
    if (last !== undefined && last.length < 4 && (last[0] as number) >> 4 === universe >> 4) last.push(universe);
    else groups.push([universe]);
  }
  // The number of a reply is one byte.
  return groups.slice(0, 255).map((group, i) => ({
    ...about,
    report: `#0001 [0001] ${about.shortName ?? ''}: running`,
    bindIndex: i + 1,
    ports: group.map((universe) => ({ ...ports, inputUniverse: universe, outputUniverse: universe })),
  }));
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}
