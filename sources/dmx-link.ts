import { filter, merge, Observable, type SchedulerLike } from 'rxjs';
import type { BridgeEvent, Client } from '../core/client/client.ts';
import type { ClaspError } from '../core/errors.ts';
import type { DmxFrame } from '../core/protocols/dmx/dmx-input.ts';
import type { DmxMapping } from '../core/protocols/dmx/dmx-mapping.ts';
import type { Signal } from '../core/signal/signal.ts';
import type { Sink } from '../core/signal/sink.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import type { Defer } from '../core/time/schedule-once.ts';
import { FailureDigest } from '../operators/failure-digest.ts';
import type { WithFailures } from './artnet.ts';
import type { DmxMode } from './dmx-signals.ts';
import { dmxWrites } from './dmx-writes.ts';

export interface DmxLinkOptions {
  /** Named in events. */
  readonly bridge: string;
  /** Where universes live in the relay. */
  readonly namespace: string;
  readonly mapping: DmxMapping;
  readonly mode: DmxMode;
  /** The universes that are subscribed to; undefined for everything below the namespace. */
  readonly universes?: readonly number[] | undefined;
  /** What else goes to the sink where universes are named. */
  readonly beside?: readonly string[] | undefined;
  /** What comes in; absent where nothing does. */
  readonly frames?: WithFailures<DmxFrame> | undefined;
  /** Where what changes goes; absent where nothing goes out. Closed with the link. */
  readonly sink?: Sink<Signal> | undefined;
  /** When frames that came in are written: those that arrive until then go together. @defaultValue at once */
  readonly defer?: Defer | undefined;
  /** Other failures to tell of. */
  readonly failures?: Observable<ClaspError> | undefined;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/** With more universes than this, everything below the namespace is subscribed to at once. */
const MAX_PATTERNS = 256;

/**
 * Joins a relay with universes in both directions: writes the frames that come in, gives the sink what the relay has and
 * what changes there, and tells what fails. Completes when the client is closed; errors when the relay refuses the
 * subscription (301).
 */
export function dmxLink(client: Client, options: DmxLinkOptions): Observable<BridgeEvent> {
  const { bridge, namespace, mapping, mode, universes, frames, sink, failures, beside = [] } = options;
  const { scheduler = monotonicScheduler } = options;

  return new Observable((out) => {
    const digest = new FailureDigest({ scheduler });
    const fail = (failure: ClaspError) => out.next({ type: 'failure', bridge, failure });
    out.add(() => digest.close());
    out.add(digest.failures.subscribe(fail));
    if (failures) out.add(failures.subscribe(fail));
    const ours = (failure: ClaspError) => failure.address?.startsWith(`${namespace}/`) ?? false;
    out.add(client.errors.pipe(filter(ours)).subscribe((failure) => digest.pass(failure)));

    // The relay's state first: what comes in is compared with it.
    if (sink) {
      out.add(() => sink.complete());
      out.add(sink.failures.subscribe((failure) => digest.pass(failure)));
      const named = universes !== undefined && universes.length <= MAX_PATTERNS;
      const patterns = named
        ? [...universes.map((universe) => `${mapping.frame(universe)}/**`), ...beside]
        : [`${namespace}/**`];
      out.add(
        merge(...patterns.map((pattern) => client.on(pattern, { types: ['param', 'stream'] }))).subscribe({
          next: (signal) => sink.next(signal),
          error: (reason) => out.error(reason),
          complete: () => out.complete(),
        }),
      );
    }
    if (frames) {
      const write = dmxWrites(client, mapping, mode, options.defer);
      out.add(frames.failures.subscribe(fail));
      out.add(frames.subscribe({ next: write, complete: () => out.complete() }));
      out.add(client.status.subscribe({ complete: () => out.complete() }));
    }
  });
}
