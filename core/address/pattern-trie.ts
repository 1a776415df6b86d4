import type { Pattern } from './pattern.ts';
import { type Segment, SegmentKind, segmentMatches } from './pattern.ts';

/** A place in the trie: what the segments from the root to here match. */
export class PatternNode<M> {
  /** What was stored under the pattern that ends here. */
  readonly members: M[] = [];
  readonly id: number;
  /** @internal */
  readonly parent: PatternNode<M> | undefined;
  /** @internal The segment that leads here from the parent. */
  readonly segment: Segment | undefined;
  /** @internal Children by the text of a literal segment. */
  literals: Map<string, PatternNode<M>> | undefined;
  /** @internal Children by the text of a segment with stars in it. */
  partials: Map<string, PatternNode<M>> | undefined;
  /** @internal The child for `*`. */
  any: PatternNode<M> | undefined;
  /** @internal The child for `**`. */
  deep: PatternNode<M> | undefined;
  /** @internal The step of a walk that has reached this node already. */
  reached = 0;

  constructor(id: number, parent: PatternNode<M> | undefined, segment: Segment | undefined) {
    this.id = id;
    this.parent = parent;
    this.segment = segment;
  }
}

/**
 * Patterns with wildcards, ordered so that one walk over an address finds all that match it.
 *
 * The walk is that of a nondeterministic automaton, one address segment at a time: a node is visited at most once per
 * segment however many ways lead to it, so no set of patterns costs more than (nodes) × (segments) steps.
 */
export class PatternTrie<M> {
  readonly #root: PatternNode<M>;
  #created = 0;
  #size = 0;
  #step = 0;
  #here: PatternNode<M>[] = [];
  #ahead: PatternNode<M>[] = [];

  constructor() {
    this.#root = new PatternNode<M>(this.#created++, undefined, undefined);
  }

  /** How many nodes there are beside the root. */
  get size(): number {
    return this.#size;
  }

  /** The node of `pattern`, made with its ancestors when missing. */
  ensure(pattern: Pattern): PatternNode<M> {
    let node = this.#root;
    for (const segment of pattern.segments) {
      // `**` twice in a row says no more than once.
      if (segment.kind === SegmentKind.Deep && node.segment?.kind === SegmentKind.Deep) continue;
      node = childOf(node, segment) ?? this.#grow(node, segment);
    }
    return node;
  }

  /** The node of `pattern`, if there is one. */
  find(pattern: Pattern): PatternNode<M> | undefined {
    let node: PatternNode<M> | undefined = this.#root;
    for (const segment of pattern.segments) {
      if (segment.kind === SegmentKind.Deep && node.segment?.kind === SegmentKind.Deep) continue;
      node = childOf(node, segment);
      if (node === undefined) return undefined;
    }
    return node;
  }

  /** Takes a node that has become empty out, and with it every ancestor that led only there. */
  prune(node: PatternNode<M>): void {
    let leaf = node;
    while (leaf.parent !== undefined && leaf.segment !== undefined && isBare(leaf)) {
      cut(leaf.parent, leaf.segment);
      this.#size--;
      leaf = leaf.parent;
    }
  }

  /** Appends to `found` every node that has members and matches `address`, each once. */
  collect(address: string, found: PatternNode<M>[]): void {
    if (this.#size === 0) return;
    let here = this.#here;
    let ahead = this.#ahead;
    here.length = 0;
    this.#step++;
    this.#reach(this.#root, here);

    const end = address.length;
    for (let at = 0; at < end && here.length > 0; ) {
      const slash = address.indexOf('/', at + 1);
      const next = slash < 0 ? end : slash;
      this.#advance(here, address, at + 1, next, ahead);
      const spent = here;
      here = ahead;
      ahead = spent;
      ahead.length = 0;
      at = next;
    }
    for (const node of here) if (node.members.length > 0) found.push(node);
    here.length = 0;
    this.#here = here;
    this.#ahead = ahead;
  }

  /** Puts into `ahead` every node that one more segment leads to. */
  #advance(
    here: readonly PatternNode<M>[],
    address: string,
    start: number,
    end: number,
    ahead: PatternNode<M>[],
  ): void {
    this.#step++;
    let text: string | undefined;
    for (const node of here) {
      if (node.segment?.kind === SegmentKind.Deep) this.#reach(node, ahead);
      if (node.any !== undefined) this.#reach(node.any, ahead);
      if (node.literals !== undefined) {
        text ??= address.slice(start, end);
        const child = node.literals.get(text);
        if (child !== undefined) this.#reach(child, ahead);
      }
      if (node.partials === undefined) continue;
      for (const child of node.partials.values()) {
        if (child.segment && segmentMatches(child.segment, address, start, end)) this.#reach(child, ahead);
      }
    }
  }

  /** Adds `node` and the `**` below it, which may stand for nothing, unless they have been reached in this step. */
  #reach(node: PatternNode<M>, into: PatternNode<M>[]): void {
    if (node.reached === this.#step) return;
    node.reached = this.#step;
    into.push(node);
    if (node.deep !== undefined) this.#reach(node.deep, into);
  }

  #grow(parent: PatternNode<M>, segment: Segment): PatternNode<M> {
    const node = new PatternNode<M>(this.#created++, parent, segment);
    this.#size++;
    switch (segment.kind) {
      case SegmentKind.Literal:
        parent.literals ??= new Map();
        parent.literals.set(segment.text, node);
        break;
      case SegmentKind.Partial:
        parent.partials ??= new Map();
        parent.partials.set(segment.text, node);
        break;
      case SegmentKind.Any:
        parent.any = node;
        break;
      case SegmentKind.Deep:
        parent.deep = node;
        break;
    }
    return node;
  }
}

function childOf<M>(node: PatternNode<M>, segment: Segment): PatternNode<M> | undefined {
  switch (segment.kind) {
    case SegmentKind.Literal:
      return node.literals?.get(segment.text);
    case SegmentKind.Partial:
      return node.partials?.get(segment.text);
    case SegmentKind.Any:
      return node.any;
    case SegmentKind.Deep:
      return node.deep;
  }
}

function cut<M>(parent: PatternNode<M>, segment: Segment): void {
  switch (segment.kind) {
    case SegmentKind.Literal:
      parent.literals?.delete(segment.text);
      if (parent.literals?.size === 0) parent.literals = undefined;
      break;
    case SegmentKind.Partial:
      parent.partials?.delete(segment.text);
      if (parent.partials?.size === 0) parent.partials = undefined;
      break;
    case SegmentKind.Any:
      parent.any = undefined;
      break;
    case SegmentKind.Deep:
      parent.deep = undefined;
      break;
  }
}

function isBare<M>(node: PatternNode<M>): boolean {
  return (
    node.members.length === 0 &&
    node.literals === undefined &&
    node.partials === undefined &&
    node.any === undefined &&
    node.deep === undefined
  );
}
