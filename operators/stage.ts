import { type MonoTypeOperatorFunction, Observable, type OperatorFunction, Subscriber } from 'rxjs';

/** The moving part of an operator: what it does with a value, at the end, and on teardown. */
export interface Stage<In> {
  next(value: In): void;
  /** Flush here; the completion itself is passed on afterwards. */
  complete?(): void;
  /** Runs exactly once, however the subscription ended. */
  dispose?(): void;
}

/** An operator of {@link stage}, of which a {@link chain} can link the moving part to its neighbours. */
export interface StageOperator<In, Out = In> extends OperatorFunction<In, Out> {
  /** @internal Opens the moving part. */
  readonly open: (out: Subscriber<Out>) => Stage<In>;
}

/**
 * Makes an operator from a function that opens one {@link Stage} per subscription.
 *
 * What a stage throws becomes an error downstream. Unlike a plain observer inside `new Observable`, a stage stops a
 * synchronous source once its consumer has enough: only a `Subscriber` chains `closed` (RxJS issue 5836).
 */
export function stage<In, Out>(open: (out: Subscriber<Out>) => Stage<In>): StageOperator<In, Out> {
  const operator: OperatorFunction<In, Out> = (source) =>
    new Observable<Out>((out) => source.subscribe(new StageSubscriber(out, open(out))));
  return Object.assign(operator, { open });
}

const PASSING = stage<unknown, unknown>((out) => ({ next: (value) => out.next(value) }));

/** A stage that does nothing, for one that has nothing to do by its options: a {@link chain} leaves it out. */
export function passing<T>(): StageOperator<T> {
  return PASSING as StageOperator<T>;
}

/**
 * The same as `pipe` for stages that follow each other, for less: each calls the next one itself, so that a value pays
 * for the Subscribers between operators once and not once a stage.
 *
 * What a stage throws becomes an error downstream where it was given the value by its source. Where it emits by itself,
 * when a timer fires, whoever set the timer has to see to that. A stage's `next` is called without a `this`.
 */
export function chain<T>(...all: readonly StageOperator<T>[]): MonoTypeOperatorFunction<T> {
  const stages = all.filter((each) => each !== passing());
  return (source) =>
    new Observable<T>((out) => {
      let next = out;
      for (let index = stages.length - 1; index > 0; index--) {
        next = new Link(next, (stages[index] as StageOperator<T>).open(next));
      }
      const [first] = stages;
      return source.subscribe(first ? new StageSubscriber(next, first.open(next)) : next);
    });
}

class StageSubscriber<In> extends Subscriber<In> {
  readonly #out: Subscriber<never>;
  readonly #stage: Stage<In>;

  constructor(out: Subscriber<never>, moving: Stage<In>) {
    super(out);
    this.#out = out;
    this.#stage = moving;
    if (moving.dispose) this.add(() => moving.dispose?.());
  }

  protected override _next(value: In): void {
    try {
      this.#stage.next(value);
    } catch (error) {
      this.#out.error(error);
    }
  }

  protected override _complete(): void {
    try {
      this.#stage.complete?.();
    } catch (error) {
      this.#out.error(error);
      return;
    }
    super._complete();
  }
}

/** Stands between two stages of a chain: to call its `next` is to call the stage, which an engine can see through. */
class Link<In> extends StageSubscriber<In> {
  override next: (value: In) => void;

  constructor(out: Subscriber<never>, moving: Stage<In>) {
    super(out, moving);
    this.next = this.closed ? ignore : moving.next;
  }

  override unsubscribe(): void {
    this.next = ignore;
    super.unsubscribe();
  }
}

function ignore(): void {
  // Values after the end are dropped.
}
