import { Observable, type Subscriber } from 'rxjs';
import { type Answer, isPending } from '../../core/answer.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';

interface LiveGrant {
  readonly dependsOn: readonly string[];
  readonly check: () => Answer<ClaspError | undefined>;
  readonly out: Subscriber<ClaspError>;
}

/** The grants that somebody uses, by what they depend on: a withdrawal looks at those it concerns only. */
export class LiveGrants {
  readonly #by = new Map<string, Set<LiveGrant>>();
  /** Rises with every withdrawal: a grant of before it may have missed its own. */
  #withdrawals = 0;

  /** How many grants are in use. */
  get size(): number {
    const all = new Set<LiveGrant>();
    for (const live of this.#by.values()) for (const one of live) all.add(one);
    return all.size;
  }

  /** Which withdrawals there have been; to be read before a grant is looked up. */
  get moment(): number {
    return this.#withdrawals;
  }

  /**
   * The end of a grant that held at the moment `since`, for who uses it: emits once why it has ended, at the latest when `check` is asked
   * after a withdrawal, and completes. Who no longer uses it unsubscribes.
   */
  ended(
    dependsOn: readonly string[],
    check: () => Answer<ClaspError | undefined>,
    since: number,
  ): Observable<ClaspError> {
    return new Observable((out) => {
      const live = { dependsOn, check, out };
      for (const key of dependsOn) {
        const others = this.#by.get(key);
        if (others) others.add(live);
        else this.#by.set(key, new Set([live]));
      }
      out.add(() => this.#forget(live));
      if (since !== this.#withdrawals) this.#ask(live);
    });
  }

  /** Looks again at every grant that depends on one of these, or at all. */
  withdrawn(keys?: readonly string[]): void {
    this.#withdrawals++;
    const concerned = new Set<LiveGrant>();
    for (const key of keys ?? this.#by.keys()) for (const live of this.#by.get(key) ?? []) concerned.add(live);
    for (const live of concerned) this.#ask(live, keys === undefined);
  }

  /** `spare` lets go on what cannot be checked: where nobody said that it was withdrawn, a busy disk ends no session. */
  #ask(live: LiveGrant, spare = false): void {
    const failed = (cause: unknown) => {
      if (!spare) end(live, unchecked(cause));
    };
    let answer: Answer<ClaspError | undefined>;
    try {
      answer = live.check();
    } catch (cause) {
      failed(cause);
      return;
    }
    if (isPending(answer)) answer.then((reason) => end(live, reason), failed);
    else end(live, answer);
  }

  #forget(live: LiveGrant): void {
    for (const key of live.dependsOn) {
      const others = this.#by.get(key);
      others?.delete(live);
      if (others?.size === 0) this.#by.delete(key);
    }
  }
}

function end({ out }: LiveGrant, reason: ClaspError | undefined): void {
  if (!reason) return;
  out.next(reason);
  out.complete();
}

/** What can no longer be checked does not go on. */
function unchecked(cause: unknown): ClaspError {
  return new ClaspError(ErrorCode.TokenExpired, 'token revoked', { cause });
}
