import { EchoMemory } from '../../signal/echo-memory.ts';
import type { Value } from '../../signal/value.ts';
import { RecentMap } from '../../transforms/recent-map.ts';
import type { OscArgument } from './osc.ts';
import { hasOscTags, type OscTags, oscTagsOf } from './osc-mapping.ts';

export interface OscPeersOptions {
  /** Where values are sent, as `host:port`. @defaultValue none */
  readonly targets?: readonly string[];
  /** What a target stands for as `address:port`, for targets given by name. @defaultValue the target as it is */
  readonly resolve?: (target: string) => string;
  /** Whether those who send are remembered, to be answered. @defaultValue false */
  readonly replyToSenders?: boolean;
  /** Milliseconds of silence after which a sender is forgotten. @defaultValue 60000 */
  readonly senderTimeout?: number;
  /** How many senders are answered at most; beyond it the most silent one is forgotten. @defaultValue 32 */
  readonly maxSenders?: number;
  /** Milliseconds for which a value is not sent back to where it came from. @defaultValue 1000 */
  readonly echoWindow?: number;
  /**
   * How a packet is told to come from a target. Many devices send from another port than they listen on.
   * `port`: address and port are the target's. `host`: the address is. `auto`: the port too, unless the target is the
   * only one at its address and not on this machine.
   * @defaultValue 'auto'
   */
  readonly echoBy?: 'port' | 'host' | 'auto';
  /** Whose memory of types to share, where one bridge talks with several groups. @defaultValue one of its own */
  readonly typesOf?: OscPeers | undefined;
}

/** Addresses whose types are remembered. */
const MAX_ADDRESSES = 65_536;

/**
 * What one OSC bridge knows of those it talks with: which types they use where, what they have just said, and who
 * they are. Shared by the bridge's source, which tells, and its sink, which asks. Pure: time is an argument, in
 * milliseconds. Everything is bounded.
 */
export class OscPeers {
  readonly targets: readonly string[];
  readonly #resolve: (target: string) => string;
  readonly #replyToSenders: boolean;
  readonly #senderTimeout: number;
  readonly #maxSenders: number;
  readonly #echoBy: 'port' | 'host' | 'auto';
  readonly #echoes: EchoMemory;
  readonly #tags: RecentMap<string, OscTags>;
  readonly #senders = new Map<string, number>();

  constructor(options: OscPeersOptions = {}) {
    const { targets = [], resolve = (target) => target, replyToSenders = false, senderTimeout = 60_000 } = options;
    const { maxSenders = 32, echoWindow = 1_000, echoBy = 'auto', typesOf } = options;
    this.#tags = typesOf ? typesOf.#tags : new RecentMap(MAX_ADDRESSES);
    this.targets = targets;
    this.#resolve = resolve;
    this.#replyToSenders = replyToSenders;
    this.#senderTimeout = senderTimeout;
    this.#maxSenders = maxSenders;
    this.#echoBy = echoBy;
    this.#echoes = new EchoMemory({ window: echoWindow });
  }

  /**
   * Notes that `from` (`address:port`) sent `args`, which stand for `value` at the CLASP address `address`; at `due`, where
   * they are meant for later.
   */
  heard(
    from: string,
    address: string,
    value: Value,
    args: readonly OscArgument[],
    now: number,
    due: number = now,
  ): void {
    const known = this.#tags.get(address);
    // No arguments have no types: what comes next is of those before.
    if (args.length > 0 && (known === undefined || !hasOscTags(args, known))) this.#tags.set(address, oscTagsOf(args));

    this.heardFrom(from, now);
    let isTarget = false;
    for (let i = 0; i < this.targets.length; i++) {
      const target = this.targets[i] as string;
      if (this.#resolve(target) !== from) continue;
      isTarget = true;
      this.#echoes.heard(target, address, value, now, due);
    }
    if (isTarget) return;
    if (this.#replyToSenders) this.#echoes.heard(from, address, value, now, due);
    if (this.#echoBy !== 'port' && this.targets.length > 0) this.#heardFromHost(from, address, value, now, due);
  }

  /** Notes that `from` sent something that is no value of a param. */
  heardFrom(from: string, now: number): void {
    if (!this.#replyToSenders) return;
    if (this.#senders.size >= this.#maxSenders && !this.#senders.has(from)) this.#makeRoom();
    this.#senders.set(from, now);
  }

  /** The types last received at a CLASP address. */
  tags(address: string): OscTags | undefined {
    return this.#tags.get(address);
  }

  /** Whether `value` is what `to` (a target, or one of `senders`) has just said itself; if not, it is being sent. */
  isEcho(to: string, address: string, value: Value, now: number): boolean {
    return this.#echoes.isEcho(to, address, value, now);
  }

  /** Whom to answer beside the targets: who sent within the timeout and is no target. */
  senders(now: number): readonly string[] {
    const recent: string[] = [];
    for (const [sender, at] of this.#senders) {
      if (now - at > this.#senderTimeout) this.#senders.delete(sender);
      else if (!this.targets.some((target) => this.#resolve(target) === sender)) recent.push(sender);
    }
    return recent;
  }

  #heardFromHost(from: string, address: string, value: Value, now: number, due: number): void {
    const host = hostOf(from);
    const here = this.targets.filter((target) => hostOf(this.#resolve(target)) === host);
    if (this.#echoBy === 'auto' && (here.length > 1 || isLoopback(host))) return;
    for (const target of here) this.#echoes.heard(target, address, value, now, due);
  }

  #makeRoom(): void {
    let mostSilent: string | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const [sender, at] of this.#senders) {
      if (at >= earliest) continue;
      earliest = at;
      mostSilent = sender;
    }
    if (mostSilent !== undefined) this.#senders.delete(mostSilent);
  }
}

const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':'));
const isLoopback = (host: string): boolean => host.startsWith('127.') || host === '[::1]';
