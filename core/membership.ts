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
export function join<T>(member: Member<T>, place: Place<T>, mask: number): void {
  const membership = member.memberships.get(place);
  if (membership !== undefined) {
    membership.add(mask);
    return;
  }
  const joined = new Membership(member, mask, place.members.length);
  place.members.push(joined);
  member.memberships.set(place, joined);
}
