import type { Ack, BundleReply, Reply } from '../../core/client/client.ts';
import { Emitter } from '../../core/connection/emitter.ts';
import type { ClaspError } from '../../core/errors.ts';

/**
 * The asking side of a {@link Reply}: give this object away as the `Reply`, keep it to settle it.
 *
 * The first `resolve` or `reject` counts, later ones are ignored. Whoever subscribes or awaits, before or after, gets
 * that one value and a completion, or that error. A rejection that nobody subscribed to or awaited raises nothing:
 * no promise exists before somebody calls `then`.
 */
export class PendingReply<T> extends Emitter<T> implements Reply<T> {
  /** Answers with `value`. */
  resolve(value: T): void {
    this.end((out) => {
      out.next(value);
      out.complete();
    });
  }

  /** Answers that there will be no value, and why. */
  reject(reason: ClaspError): void {
    this.error(reason);
  }

  // biome-ignore lint/suspicious/noThenProperty: a Reply can be awaited, that is its contract
  then<Fulfilled = T, Rejected = never>(
    onFulfilled?: ((value: T) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    let answer: T;
    return this.forEach((value) => {
      answer = value;
    })
      .then(() => answer)
      .then(onFulfilled, onRejected);
  }
}

/** Makes a reply one that can be cancelled: `cancel` is asked with the answer, as soon as there is one. */
export function cancellable(reply: Reply<Ack>, cancel: (answer: Ack) => Reply<Ack>): BundleReply {
  return Object.assign(reply, {
    cancel: () => {
      const cancelled = new PendingReply<Ack>();
      const error = (reason: ClaspError) => cancelled.reject(reason);
      reply.subscribe({
        next: (answer) => cancel(answer).subscribe({ next: (done) => cancelled.resolve(done), error }),
        error,
      });
      return cancelled;
    },
  });
}
