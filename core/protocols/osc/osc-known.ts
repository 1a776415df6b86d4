import { RecentMap } from '../../transforms/recent-map.ts';
import { compileOscPattern } from './osc-pattern.ts';

/** Addresses that are known; the first that came are forgotten beyond it. */
const MAX_KNOWN = 65_536;
/** Patterns whose matches are remembered while no address comes or goes. */
const MAX_PATTERNS = 256;
/** Addresses that may be compared with patterns at once, and in each millisecond. */
const MAX_COMPARED = 500_000;
const COMPARED_PER_MS = 500;

/** What a pattern matches, or why that was not looked up. */
export type OscMatches = readonly string[] | 'no-pattern' | 'overloaded';

/**
 * The OSC addresses that an OSC bridge knows, to which patterns from outside are applied. Pure: time is an argument, in
 * milliseconds. Bounded, also in what patterns cost that somebody sends at a high rate.
 */
export class OscKnownAddresses {
  readonly #except: string | undefined;
  readonly #known = new Set<string>();
  #matches = new RecentMap<string, readonly string[]>(MAX_PATTERNS);
  #allowance = MAX_COMPARED;
  #allowedAt = Number.NEGATIVE_INFINITY;

  /** @param except how addresses begin that no pattern is applied to */
  constructor(except?: string) {
    this.#except = except;
  }

  add(oscAddress: string): void {
    if (this.#except !== undefined && oscAddress.startsWith(this.#except)) return;
    if (this.#known.has(oscAddress)) return;
    const [first] = this.#known;
    if (this.#known.size >= MAX_KNOWN && first !== undefined) this.#known.delete(first);
    this.#known.add(oscAddress);
    this.#forgetMatches();
  }

  delete(oscAddress: string): void {
    if (this.#known.delete(oscAddress)) this.#forgetMatches();
  }

  /** The known addresses that a pattern matches, in the order in which they became known. */
  matching(pattern: string, now: number): OscMatches {
    const remembered = this.#matches.get(pattern);
    if (remembered) return remembered;
    const matches = compileOscPattern(pattern);
    if (!matches) return 'no-pattern';
    const elapsed = Math.max(0, now - this.#allowedAt);
    this.#allowance = Math.min(MAX_COMPARED, this.#allowance + elapsed * COMPARED_PER_MS);
    this.#allowedAt = now;
    if (this.#allowance < this.#known.size) return 'overloaded';
    this.#allowance -= this.#known.size;
    const found = [...this.#known].filter(matches);
    this.#matches.set(pattern, found);
    return found;
  }

  #forgetMatches(): void {
    if (this.#matches.size > 0) this.#matches = new RecentMap(MAX_PATTERNS);
  }
}
