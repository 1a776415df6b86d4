import type { AddressEntry } from './address-table.ts';
import { compilePattern, type Pattern } from './pattern.ts';
import { PatternNode, PatternTrie } from './pattern-trie.ts';
import type { SignalKind } from './signal.ts';

/** The bit of each kind of signal in a subscription's mask, as on the wire. */
export const KindBit: Readonly<Record<SignalKind, number>> = {
  param: 1,
  event: 2,
  stream: 4,
  gesture: 8,
  timeline: 16,
};

/** A mask that admits every kind. */
export const ALL_KINDS = 31;

export interface SubscriptionIndexOptions<T> {
  /**
   * Asked for each target and address before a match counts; must always give the same answer for the same two. Used
   * for read scopes. @defaultValue everything is accepted
   */
  readonly accept?: ((target: T, address: string) => boolean) | undefined;
  /** How many references to targets the cached matches may hold in all. @defaultValue 1 000 000 */
  readonly maxCached?: number;
}

/** What one target subscribes, wherever it does. */
interface Member<T> {
  readonly target: T;
  readonly memberships: Map<PatternNode<Membership<T>>, Membership<T>>;
  /** The gathering that has come across this target already, and the kinds it found it under. */
  seenBy: number;
  seenMask: number;
}

/** One target's subscriptions to one pattern. */
interface Membership<T> {
  readonly member: Member<T>;
  /** Every kind that one of them admits. */
  mask: number;
  /** Where it stands among the node's members. */
  index: number;
  /** How many there are of each mask, once there is more than one. */
  counts: Map<number, number> | undefined;
}

/** Matches that other addresses with the same matching patterns can share. */
interface Known<T> {
  readonly nodes: readonly PatternNode<Membership<T>>[];
  readonly targets: readonly T[];
  readonly kinds: number;
}

/** The matches found since subscriptions last changed. Thrown away as a whole. */
class Matches<T> {
  /** By place; an entry knows its place. */
  readonly targets: (readonly T[])[] = [];
  readonly known: Map<number, Known<T>> = new Map<number, Known<T>>();
  /** Upper bound of the references held. */
  references = 0;
}

/**
 * Who subscribes what: finds every target with a subscription that matches an address.
 *
 * Literal patterns are found by the address itself, others in a trie. The matches of an address are remembered on its
 * entry until any subscription changes, so that a hot address costs a comparison and an array access.
 *
 * @example
 * ```ts
 * const index = new SubscriptionIndex<string>();
 * index.add('/lights/**', KindBit.param | KindBit.event, 'desk');
 * index.match('/lights/1', KindBit.param); // ['desk']
 * ```
 */
export class SubscriptionIndex<T> {
  readonly #accept: ((target: T, address: string) => boolean) | undefined;
  readonly #maxCached: number;
  readonly #members = new Map<T, Member<T>>();
  readonly #exact = new Map<string, PatternNode<Membership<T>>>();
  readonly #trie = new PatternTrie<Membership<T>>();
  readonly #found: PatternNode<Membership<T>>[] = [];
  #matches = new Matches<T>();
  #exactCreated = 0;
  #gathering = 0;
  #kinds = 0;
  #size = 0;

  constructor(options: SubscriptionIndexOptions<T> = {}) {
    const { accept, maxCached = 1_000_000 } = options;
    this.#accept = accept;
    this.#maxCached = maxCached;
  }

  /** How many subscriptions there are. */
  get size(): number {
    return this.#size;
  }

  /** How many trie nodes and literal patterns are held: 0 when there is no subscription. */
  get nodes(): number {
    return this.#trie.size + this.#exact.size;
  }

  /**
   * Adds a subscription. The same again counts again.
   *
   * @param mask - {@link KindBit}s of the kinds wanted; bits above {@link ALL_KINDS} are ignored.
   */
  add(pattern: Pattern | string, mask: number, target: T): void {
    const compiled = typeof pattern === 'string' ? compilePattern(pattern) : pattern;
    const kinds = mask & ALL_KINDS;
    let member = this.#members.get(target);
    if (member === undefined) {
      member = { target, memberships: new Map(), seenBy: 0, seenMask: 0 };
      this.#members.set(target, member);
    }
    const node = this.#nodeOf(compiled);
    const membership = member.memberships.get(node);
    if (membership === undefined) {
      const added = { member, mask: kinds, index: node.members.length, counts: undefined };
      member.memberships.set(node, added);
      node.members.push(added);
    } else {
      membership.counts ??= new Map([[membership.mask, 1]]);
      membership.counts.set(kinds, (membership.counts.get(kinds) ?? 0) + 1);
      membership.mask |= kinds;
    }
    this.#size++;
    this.#forgetMatches();
  }

  /** Removes one subscription that was added with these arguments; false when there is none. */
  remove(pattern: Pattern | string, mask: number, target: T): boolean {
    const compiled = typeof pattern === 'string' ? compilePattern(pattern) : pattern;
    const member = this.#members.get(target);
    const node = compiled.literal ? this.#exact.get(compiled.source) : this.#trie.find(compiled);
    if (member === undefined || node === undefined) return false;
    const membership = member.memberships.get(node);
    if (membership === undefined || !takeOne(membership, mask & ALL_KINDS)) return false;

    if (membership.counts === undefined || membership.counts.size === 0) {
      this.#leave(node, membership);
      if (node.members.length === 0) {
        if (compiled.literal) this.#exact.delete(compiled.source);
        else this.#trie.prune(node);
      }
    }
    this.#size--;
    this.#forgetMatches();
    return true;
  }

  /** Every target with a subscription that matches `address` and admits the kind, each once, in no order. */
  match(address: string, kindBit: number): readonly T[] {
    this.#collect(address);
    const targets = this.#gather(address, kindBit);
    this.#found.length = 0;
    return targets;
  }

  /**
   * {@link match}, remembered on the entry. The array stays valid and unchanged when subscriptions change.
   *
   * An entry remembers for one index; with two indexes over one table they take turns.
   */
  lookup(entry: AddressEntry, kindBit: number): readonly T[] {
    const matches = this.#matches;
    if (entry.cachedIn === matches && (entry.cachedAs & kindBit) !== 0) {
      const known = matches.targets[entry.cachedAs >>> 5];
      if (known !== undefined) return known;
    }
    return this.#remember(entry, kindBit);
  }

  #remember(entry: AddressEntry, kindBit: number): readonly T[] {
    if (this.#matches.references >= this.#maxCached) this.#forgetMatches();
    const matches = this.#matches;
    this.#collect(entry.address);
    const targets = this.#shared(entry.address, kindBit);
    this.#found.length = 0;

    const place = entry.cachedIn === matches ? entry.cachedAs >>> 5 : matches.targets.length;
    matches.targets[place] = targets;
    matches.references++;
    entry.cachedIn = matches;
    entry.cachedAs = (place << 5) | this.#kinds;
    return targets;
  }

  /** Gathers, or finds the array that another address with the same matching patterns has already. */
  #shared(address: string, kindBit: number): readonly T[] {
    const nodes = this.#found;
    if (nodes.length === 0) return this.#gather(address, kindBit);
    const { known } = this.#matches;
    let key = kindBit;
    let shareable = true;
    for (const node of nodes) {
      key = (Math.imul(key, 31) + node.id) | 0;
      if (node.parent === undefined) shareable = false;
    }
    const before = shareable ? known.get(key) : undefined;
    const same = before !== undefined && equal(before.nodes, nodes) && (before.kinds & kindBit) !== 0;
    if (same && this.#accept === undefined) {
      this.#kinds = before.kinds;
      return before.targets;
    }
    const targets = this.#gather(address, kindBit);
    if (same && this.#kinds === before.kinds && equal(before.targets, targets)) return before.targets;

    this.#matches.references += targets.length;
    if (shareable) {
      known.set(key, { nodes: nodes.slice(), targets, kinds: this.#kinds });
      this.#matches.references += nodes.length;
    }
    return targets;
  }

  #collect(address: string): void {
    const exact = this.#exact.get(address);
    if (exact !== undefined) this.#found.push(exact);
    this.#trie.collect(address, this.#found);
  }

  /**
   * The accepted targets of the found nodes that admit the kind. Leaves in `#kinds` for which kinds the answer would
   * be the same: usually all of them.
   */
  #gather(address: string, kindBit: number): readonly T[] {
    const accept = this.#accept;
    const seen: Member<T>[] = [];
    this.#gathering++;
    for (const node of this.#found) {
      for (const { member, mask } of node.members) {
        if (member.seenBy === this.#gathering) {
          member.seenMask |= mask;
        } else {
          member.seenBy = this.#gathering;
          member.seenMask = mask;
          seen.push(member);
        }
      }
    }
    let kinds = ALL_KINDS;
    const targets: T[] = [];
    for (const { target, seenMask } of seen) {
      if (accept !== undefined && !accept(target, address)) continue;
      const admitted = (seenMask & kindBit) !== 0;
      kinds &= admitted ? seenMask : ~seenMask;
      if (admitted) targets.push(target);
    }
    this.#kinds = kinds;
    return targets;
  }

  #nodeOf(pattern: Pattern): PatternNode<Membership<T>> {
    if (!pattern.literal) return this.#trie.ensure(pattern);
    let node = this.#exact.get(pattern.source);
    if (node === undefined) {
      node = new PatternNode<Membership<T>>(this.#exactCreated++, undefined, undefined);
      this.#exact.set(pattern.source, node);
    }
    return node;
  }

  #leave(node: PatternNode<Membership<T>>, { member, index }: Membership<T>): void {
    const last = node.members.pop();
    if (last !== undefined && last.member !== member) {
      last.index = index;
      node.members[index] = last;
    }
    member.memberships.delete(node);
    if (member.memberships.size === 0) this.#members.delete(member.target);
  }

  #forgetMatches(): void {
    if (this.#matches.targets.length === 0) return;
    // Entries still point to the old one: it must not keep the arrays alive.
    this.#matches.targets.length = 0;
    this.#matches.known.clear();
    this.#matches = new Matches<T>();
  }
}

/** Takes one subscription with this mask away; false when there is none. The last one leaves no counts. */
function takeOne<T>(membership: Membership<T>, mask: number): boolean {
  const { counts } = membership;
  if (counts === undefined) return membership.mask === mask;
  const count = counts.get(mask);
  if (count === undefined) return false;
  if (count > 1) {
    counts.set(mask, count - 1);
    return true;
  }
  counts.delete(mask);
  membership.mask = 0;
  for (const left of counts.keys()) membership.mask |= left;
  return true;
}

function equal(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
