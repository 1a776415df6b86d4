import { type Answer, follow, isPending, type Steps } from '../../core/answer.ts';
import type { Reply } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { PendingReply } from '../client/reply.ts';

/** Does work one after the other, each when the one before has its result: at once as long as nothing waits. */
export class InOrder {
  readonly #waiting: (() => Answer<void>)[] = [];
  #busy = false;

  /** How much has not begun. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Does `work` in its turn; what it throws is the reply's error. */
  run<T>(work: () => Steps<T>): Reply<T> {
    const reply = new PendingReply<T>();
    this.#waiting.push(() => follow(answered(work, reply)));
    this.#go();
    return reply;
  }

  #go(): void {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      const done = next();
      if (!isPending(done)) continue;
      done.then(() => {
        this.#busy = false;
        this.#go();
      });
      return;
    }
    this.#busy = false;
  }
}

function* answered<T>(work: () => Steps<T>, reply: PendingReply<T>): Steps<void> {
  let value: T;
  try {
    value = yield* work();
  } catch (cause) {
    reply.reject(ClaspError.from(cause, ErrorCode.Internal));
    return;
  }
  reply.resolve(value);
}
