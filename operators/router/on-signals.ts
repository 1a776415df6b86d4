import type { MonoTypeOperatorFunction, Observable, SchedulerLike } from 'rxjs';
import { AddressTable } from '../../core/address/address-table.ts';
import { ALL_SCOPES, type Scopes, scopes as scopesOf } from '../../core/address/scope.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { StoredParam } from '../../core/param/param.ts';
import type { Signal } from '../../core/signal/signal.ts';
import { monotonic } from '../../core/time/monotonic.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { decodeFrame, type Frame } from '../../core/wire/index.ts';
import type { PublishMessage, SetMessage } from '../../core/wire/message.ts';
import { frameOf, signalOf } from '../../core/wire/signal-frame.ts';
import { chain, type Stage, type StageOperator, stage } from '../stage.ts';
import { Envelope } from './envelope.ts';
import { Session } from './session-state.ts';
import type { TimeOptions } from './time-options.ts';

/** What every stage of the relay takes when it works on signals. */
export interface OnSignalsOptions extends TimeOptions {
  /** Told why a signal did not pass. What it throws becomes an error of the stream. @defaultValue nobody is told */
  readonly refused?: ((error: ClaspError, signal: Signal) => void) | undefined;
}

/** What the stages of one subscription share. */
export interface SignalStages {
  readonly table: AddressTable<StoredParam>;
  readonly scheduler: SchedulerLike;
  readonly now: () => number;
}

/** Senders that are told apart; all that come after share a session. */
const MAX_SENDERS = 1024;
const NO_LIMITS = { hardBytes: 0, softBytes: 0 };

/**
 * Has stages of the router work on signals: each signal travels as the message that would say it, from a session of its
 * `origin`, and what comes out is a signal again: the one that went in, unless a stage changed it. What a stage refuses
 * ends there, and `refused` is told.
 *
 * Everything passes in the turn in which it comes. Errors with the source; completes with it, after what the stages say
 * at their end. State begins with each subscription.
 *
 * @param open the stages, in order
 * @param scopes what the senders may do. @defaultValue everything
 */
export function onSignals(
  open: (shared: SignalStages) => readonly StageOperator<Envelope>[],
  options: OnSignalsOptions = {},
  scopes: readonly string[] | Scopes = ALL_SCOPES,
): MonoTypeOperatorFunction<Signal> {
  const { scheduler = monotonicScheduler, refused } = options;
  const granted = Array.isArray(scopes) ? scopesOf(scopes) : (scopes as Scopes);

  return (source: Observable<Signal>) => {
    const table = new AddressTable<StoredParam>();
    const now = monotonic(options.now ?? (() => scheduler.now() * 1000));
    const senders = new Map<string, Session>();
    /** The signal that is on its way through the stages, and the frame it became. */
    let passing: Signal | undefined;
    let passingFrame: Frame | undefined;

    const senderOf = (origin = ''): Session => {
      const known = senders.get(origin);
      if (known) return known;
      if (senders.size >= MAX_SENDERS) return senderOf('');
      const [silent] = memoryPair();
      const grant = { scopes: granted, expiresAt: undefined };
      const session = new Session(origin, silent, grant, now(), NO_LIMITS, () => undefined);
      session.name = origin;
      session.phase = 'open';
      senders.set(origin, session);
      return session;
    };
    senderOf();

    const wrap = stage<Signal, Envelope>((out) => ({
      next(signal) {
        let envelope: Envelope;
        try {
          const frame = decodeFrame(frameOf(signal));
          const entry = table.intern(frame.bytes, frame.addressStart, frame.addressEnd);
          const kind = signal.kind === 'param' ? 'SET' : 'PUBLISH';
          envelope = new Envelope(kind, senderOf(signal.origin), frame, entry, now());
        } catch (cause) {
          refused?.(ClaspError.from(cause, ErrorCode.BadValue), signal);
          return;
        }
        const before = passing;
        const beforeFrame = passingFrame;
        passing = signal;
        passingFrame = envelope.frame;
        try {
          out.next(envelope);
        } finally {
          passing = before;
          passingFrame = beforeFrame;
        }
      },
    }));

    const unwrap = stage<Envelope, Signal>(
      (out): Stage<Envelope> => ({
        next({ kind, frame, entry, session, at, revision, error }) {
          if (kind === 'refused') {
            const asked = passing ?? { kind: 'event', address: entry?.address ?? '', value: null };
            refused?.(error ?? new ClaspError(ErrorCode.Internal, 'refused'), asked);
            return;
          }
          if (!frame || (kind !== 'SET' && kind !== 'PUBLISH')) return;
          const unchanged = frame === passingFrame ? passing : undefined;
          const signal = unchanged ?? { ...signalOf(frame.message as SetMessage | PublishMessage, undefined), at };
          const origin = unchanged || session.name === '' ? signal.origin : session.name;
          const numbered = signal.kind === 'param' && revision > 0;
          if (unchanged && !numbered) out.next(signal);
          else
            out.next({ ...signal, ...(origin !== undefined && { origin }), ...(numbered && { revision }) } as Signal);
        },
      }),
    );

    return source.pipe(wrap, chain(...open({ table, scheduler, now })), unwrap);
  };
}
