import type { SignalKind } from '../signal/signal.ts';
import type { AddressEntry } from './address-table.ts';
import { compilePattern, type Pattern } from './pattern.ts';
import { type PatternNode, PatternTrie } from './pattern-trie.ts';

/** One target, wherever it subscribes. */
export class Member<T> {
  readonly target: T;
  /** Its memberships by the place they are in. */
  readonly memberships: Map<Place<T>, Membership<T>> = new Map<Place<T>, Membership<T>>();
  /** The gathering that has come across this target already, and the kinds it found it under. */
  seenBy = 0;
  seenMask = 0;

  constructor(target: T) {
    this.target = target;
  }
}

/** Everybody who subscribes one pattern. */
export interface Place<T> {
  readonly members: Membership<T>[];
}

/** One target's subscriptions to one pattern. The masks are those of its subscriptions, each of which counts. */
export class Membership<T> {
  readonly member: Member<T>;
  /** Every kind that one of the subscriptions admits. */
  mask: number;
  /** Where it stands among the members of its place. */
  index: number;
  /** How many there are of each mask, once there is more than one. */
  #counts: Map<number, number> | undefined;

  constructor(member: Member<T>, mask: number, index: number) {
    this.member = member;
    this.mask = mask;
    this.index = index;
    this.#counts = undefined;
  }

  /** Counts one more subscription. */
  add(mask: number): void {
    this.#counts ??= new Map([[this.mask, 1]]);
    this.#counts.set(mask, (this.#counts.get(mask) ?? 0) + 1);
    this.mask |= mask;
  }

  /** Counts one less; false when there was none with this mask. Leaves `place` with the last. */
  remove(mask: number, place: Place<T>): boolean {
    const counts = this.#counts;
    if (counts === undefined) {
      if (this.mask !== mask) return false;
      this.#leave(place);
      return true;
    }
    const count = counts.get(mask);
    if (count === undefined) return false;
    if (count > 1) {
      counts.set(mask, count - 1);
      return true;
    }
    counts.delete(mask);
    this.mask = 0;
    for (const left of counts.keys()) this.mask |= left;
    if (counts.size === 0) this.#leave(place);
    return true;
  }

  #leave(place: Place<T>): void {
    const last = place.members.pop();
    if (last !== undefined && last !== this) {
      last.index = this.index;
      place.members[this.index] = last;
    }
    this.member.memberships.delete(place);
  }
}

/** Counts one subscription with `mask` of `member` at `place`. */
function join<T>(member: Member<T>, place: Place<T>, mask: number): void {
  const membership = member.memberships.get(place);
  if (membership !== undefined) {
    membership.add(mask);
    return;
  }
  const joined = new Membership(member, mask, place.members.length);
  place.members.push(joined);
  member.memberships.set(place, joined);
}

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
  /** How many references the remembered matches may hold in all. @defaultValue 1 000 000 */
  readonly maxCached?: number;
}

/** Matches that other addresses below the same patterns can share. */
interface Known<T> {
  readonly nodes: readonly PatternNode<Membership<T>>[];
  readonly targets: readonly T[];
  readonly kinds: number;
}

/** The matches found since subscriptions last changed. Thrown away as a whole. */
class Matches<T> {
  /** By place; an entry knows its place. */
  readonly targets: (readonly T[])[] = [];
  /** By a hash of the nodes. */
  readonly known: Map<number, Known<T>> = new Map<number, Known<T>>();
  /** Upper bound of the references held. */
  references = 0;
}

/**
 * Who subscribes what: finds every target with a subscription that matches an address.
 *
 * Literal patterns are found by the address itself, others in a trie. The matches of an address are remembered on its
 * entry until any subscription changes, so that a hot address costs a comparison and an array access. What is
 * remembered is bounded, and addresses with the same matches share them.
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
  readonly #literals = new Map<string, Place<T>>();
  readonly #trie = new PatternTrie<Membership<T>>();
  #matches = new Matches<T>();
  /** What the last {@link #collect} found. */
  #literal: Place<T> | undefined;
  readonly #nodes: PatternNode<Membership<T>>[] = [];
  /** Whom the last {@link #gather} came across, and for which kinds its answer holds. */
  readonly #seen: Member<T>[] = [];
  #kinds = 0;
  #gathering = 0;
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

  /** How many literal patterns and trie nodes are held: 0 when there is no subscription. */
  get nodes(): number {
    return this.#literals.size + this.#trie.size;
  }

  /**
   * Adds a subscription. The same again counts again. Throws a `ClaspError` with code 202 for a bad pattern.
   *
   * @param mask - {@link KindBit}s of the kinds wanted; bits above {@link ALL_KINDS} are ignored.
   */
  add(pattern: Pattern | string, mask: number, target: T): void {
    const compiled = typeof pattern === 'string' ? compilePattern(pattern) : pattern;
    let member = this.#members.get(target);
    if (member === undefined) {
      member = new Member(target);
      this.#members.set(target, member);
    }
    const place = compiled.literal ? this.#ensureLiteral(compiled.source) : this.#trie.ensure(compiled);
    join(member, place, mask & ALL_KINDS);
    this.#size++;
    this.#forgetMatches();
  }

  /** Removes one subscription that was added with these arguments; false when there is none. */
  remove(pattern: Pattern | string, mask: number, target: T): boolean {
    const compiled = typeof pattern === 'string' ? compilePattern(pattern) : pattern;
    const node = compiled.literal ? undefined : this.#trie.find(compiled);
    const place = compiled.literal ? this.#literals.get(compiled.source) : node;
    const member = this.#members.get(target);
    if (place === undefined || member === undefined) return false;
    if (member.memberships.get(place)?.remove(mask & ALL_KINDS, place) !== true) return false;

    if (member.memberships.size === 0) this.#members.delete(target);
    if (place.members.length === 0) {
      if (node === undefined) this.#literals.delete(compiled.source);
      else this.#trie.prune(node);
    }
    this.#size--;
    this.#forgetMatches();
    return true;
  }

  /** How many references the remembered matches hold, at most. */
  get cached(): number {
    return this.#matches.references;
  }

  /**
   * Every target with a subscription that matches `address` and admits the kind, each once, in no order.
   *
   * @param kindBit - one {@link KindBit}.
   */
  match(address: string, kindBit: number): readonly T[] {
    this.#collect(address);
    const targets = this.#gather(address, kindBit);
    this.#forgetFound();
    return targets;
  }

  /**
   * {@link match}, remembered on the entry. The array stays as it is when subscriptions change, but is then no longer
   * the answer: do not keep it.
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
    const targets = this.#gatherShared(entry.address, kindBit);
    this.#forgetFound();

    const place = entry.cachedIn === matches ? entry.cachedAs >>> 5 : matches.targets.length;
    matches.targets[place] = targets;
    matches.references++;
    entry.cachedIn = matches;
    entry.cachedAs = (place << 5) | this.#kinds;
    return targets;
  }

  /** Gathers, or finds the equal array that an address below the same patterns has already. */
  #gatherShared(address: string, kindBit: number): readonly T[] {
    const matches = this.#matches;
    const nodes = this.#nodes;
    if (this.#literal !== undefined) {
      // Nobody else has this literal.
      const targets = this.#gather(address, kindBit);
      matches.references += targets.length;
      return targets;
    }
    let key = kindBit;
    for (const node of nodes) key = (Math.imul(key, 31) + node.id) | 0;
    const known = matches.known.get(key);
    const same = known !== undefined && (known.kinds & kindBit) !== 0 && equal(known.nodes, nodes) ? known : undefined;
    if (same !== undefined && this.#accept === undefined) {
      this.#kinds = same.kinds;
      return same.targets;
    }
    const targets = this.#gather(address, kindBit);
    if (same !== undefined && same.kinds === this.#kinds && equal(same.targets, targets)) return same.targets;
    matches.known.set(key, { nodes: nodes.slice(), targets, kinds: this.#kinds });
    matches.references += nodes.length + targets.length;
    return targets;
  }

  #collect(address: string): void {
    this.#forgetFound(); // an `accept` that threw may have left something
    this.#literal = this.#literals.get(address);
    this.#trie.collect(address, this.#nodes);
  }

  /**
   * The accepted targets, among what was collected, that admit the kind. Leaves in `#kinds` for which kinds the answer
   * would be the same: usually all of them.
   */
  #gather(address: string, kindBit: number): readonly T[] {
    this.#gathering++;
    if (this.#literal !== undefined) this.#see(this.#literal);
    for (const node of this.#nodes) this.#see(node);

    const accept = this.#accept;
    const targets: T[] = [];
    let kinds = ALL_KINDS;
    for (const { target, seenMask } of this.#seen) {
      if (accept !== undefined && !accept(target, address)) continue;
      const admitted = (seenMask & kindBit) !== 0;
      kinds &= admitted ? seenMask : ~seenMask;
      if (admitted) targets.push(target);
    }
    this.#kinds = kinds;
    return targets;
  }

  #see(place: Place<T>): void {
    const gathering = this.#gathering;
    for (const { member, mask } of place.members) {
      if (member.seenBy === gathering) {
        member.seenMask |= mask;
      } else {
        member.seenBy = gathering;
        member.seenMask = mask;
        this.#seen.push(member);
      }
    }
  }

  #ensureLiteral(address: string): Place<T> {
    let place = this.#literals.get(address);
    if (place === undefined) {
      place = { members: [] };
      this.#literals.set(address, place);
    }
    return place;
  }

  /** What was found must not keep targets alive, nor be there for the next search. */
  #forgetFound(): void {
    this.#literal = undefined;
    this.#nodes.length = 0;
    this.#seen.length = 0;
  }

  #forgetMatches(): void {
    if (this.#matches.targets.length === 0) return;
    // Entries still point to the old ones, which must not keep the arrays alive.
    this.#matches.targets.length = 0;
    this.#matches.known.clear();
    this.#matches = new Matches<T>();
  }
}

function equal(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
