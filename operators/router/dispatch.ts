import type { SchedulerLike } from 'rxjs';
import { compilePattern } from '../../core/address/pattern.ts';
import { KindBit, type SubscriptionIndex } from '../../core/address/subscription-index.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { ParamEntry, ParamStore } from '../../core/param/param-store.ts';
import { pacingOf } from '../../core/signal/pacing.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { encodeError } from '../../core/wire/encode.ts';
import { largeSnapshot, stampInProcess } from '../../core/wire/in-process.ts';
import {
  acknowledgeSet,
  answerSync,
  encodeMessage,
  type Frame,
  forwardPublish,
  MessageCode,
  SetFlag,
  SIGNAL_KINDS,
  SnapshotWriter,
  signalMask,
  stampRevision,
  ValueCode,
} from '../../core/wire/index.ts';
import type { SubscribeMessage, UnsubscribeMessage } from '../../core/wire/message.ts';
import { type StageOperator, stage } from '../stage.ts';
import { BundleDelivery } from './bundle.ts';
import type { Entry, Envelope } from './envelope.ts';
import { FrameSlab } from './frame-slab.ts';
import { missedBy, type Ongoing } from './ongoing.ts';
import type { Delivery } from './outbox.ts';
import { Pacer } from './pacing.ts';
import type { Session } from './session-state.ts';
import { Subscriptions } from './subscriptions.ts';

/**
 * Sends the params to a session as SNAPSHOT frames, each as large as its peer can take. A greeting has at least one, even
 * if empty; behind a SUBSCRIBE the ACK marks the end.
 */
function sendSnapshot(session: Session, params: Iterable<ParamEntry>, greeting: boolean): void {
  const snapshot = new SnapshotWriter(session.connection.maxFrame);
  let large: ParamEntry[] | undefined;
  for (const param of params) {
    const { address, state } = param;
    if (!state) continue;
    if (state.code === ValueCode.Large) {
      large ??= [];
      large.push(param);
    } else snapshot.add(address, state.code, state.body, state.content, state.revision, state.writer, state.at);
    session.paced?.told(param);
  }
  if (!large && snapshot.isEmpty && !greeting) return;
  session.outbox.sendSnapshot(
    large ? [...snapshot.finish(), ...large.map((each) => largeParam(session, each))] : snapshot.finish(),
  );
}

/** A param that no frame of CLASP holds: for a participant of this process as it is, for any other what is to be said of it. */
function largeParam({ inProcess }: Session, { address, state }: ParamEntry): Uint8Array {
  const body = state?.body as Uint8Array;
  if (!inProcess || !state) return tooLargeToRead(address, body.length);
  return largeSnapshot(address, body, state.revision, state.writer, state.at);
}

/** What a reader over CLASP is told of a value that no frame holds. */
function tooLargeToRead(address: string, size: number): Uint8Array {
  const reason = `the value of ${address} takes ${size} bytes, more than a frame of CLASP: read it over HTTP, JSON or MQTT`;
  return encodeError(new ClaspError(ErrorCode.NotEnabled, reason, { address }));
}

/** Answers a GET: the param, or value null where there is none, at revision 0 where there never was. */
function sendParam(session: Session, param: ParamEntry): void {
  const { address, state } = param;
  if (state?.code === ValueCode.Large) {
    session.paced?.told(param);
    session.outbox.sendSnapshot([largeParam(session, param)]);
    return;
  }
  const snapshot = new SnapshotWriter(session.connection.maxFrame);
  if (state?.exists) {
    snapshot.add(address, state.code, state.body, state.content, state.revision, state.writer, state.at);
  } else {
    snapshot.add(address, ValueCode.Null, undefined, null, state?.revision ?? 0);
  }
  session.paced?.told(param);
  session.outbox.sendSnapshot(snapshot.finish());
}

export interface DispatchOptions {
  /** Timer of paced deliveries. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
  /** Relay time, microseconds: the t3 of a SYNC. */
  readonly now: () => number;
  /** Subscriptions that one session may have; 0 = unlimited. @defaultValue 10 000 */
  readonly maxSubscriptions?: number | undefined;
  /** Where deliveries are counted. */
  readonly delivered: Delivered;
  /** What goes on, for those who subscribe only now. @defaultValue nothing */
  readonly ongoing?: readonly Ongoing[] | undefined;
}

/** A count that grows: one per signal and receiver. */
export interface Delivered {
  signals: number;
}

const MOVE = 1;
const GESTURE = 3;
const PONG = encodeMessage({ type: 'PONG' });
const KIND_BITS: readonly number[] = SIGNAL_KINDS.map((kind) => KindBit[kind]);
/** How a lagging receiver is served, by signal code; a gesture's moves apart. */
const DELIVERIES: readonly Delivery[] = ['param', 'keep', 'stream', 'keep', 'keep'];

/**
 * The end of the router: delivers each signal once to every session with a matching subscription, keeps the
 * subscriptions, sends snapshots, and answers (ACK, ERROR, SNAPSHOT, PONG, SYNC).
 *
 * Passes `opened`, `closed` and `refused` on for whoever watches the router; what was delivered ends here.
 */
export function dispatch(
  subscriptions: SubscriptionIndex<Session>,
  store: ParamStore,
  { scheduler = monotonicScheduler, now, maxSubscriptions = 10_000, delivered, ongoing = [] }: DispatchOptions,
): StageOperator<Envelope> {
  const slab = new FrameSlab();
  const room = (size: number) => slab.take(size);
  const pacer = new Pacer({ scheduler, now, delivered });
  /** What passes belongs to a bundle: it is gathered, and delivered together. */
  let bundle: BundleDelivery | undefined;

  const deliver = (envelope: Envelope, entry: Entry, frame: Frame) => {
    if (envelope.kind === 'SET') {
      const receivers = subscriptions.lookup(entry, KindBit.param);
      if (receivers.length === 0) return;
      if (frame.tag !== undefined && !bundle) {
        deliverInProcess(envelope, entry, frame, receivers);
        return;
      }
      const bytes = stampRevision(frame, envelope.revision, room);
      if (bundle) {
        bundle.add({ envelope, bytes, key: entry, kind: 'param' }, receivers, undefined);
        return;
      }
      delivered.signals += receivers.length;
      for (const receiver of receivers) {
        if (receiver.paced === undefined) receiver.outbox.send(bytes, 'param', entry);
        else receiver.paced.deliver(entry, frame, bytes, 'param');
      }
      return;
    }
    const { signal } = frame;
    const receivers = subscriptions.lookup(entry, KIND_BITS[signal] as number);
    if (receivers.length === 0) return;
    if (frame.tag !== undefined) {
      deliverInProcess(envelope, entry, frame, receivers);
      return;
    }
    const bytes = forwardPublish(frame, envelope.session.connection.handsOver);
    const move = signal === GESTURE && frame.phase === MOVE;
    const key = signal === GESTURE ? `${envelope.session.id} ${frame.id ?? 0} ${entry.address}` : entry.id;
    const delivery = move ? 'move' : (DELIVERIES[signal] as Delivery);
    if (bundle) {
      const kind = delivery === 'stream' ? 'stream' : 'other';
      bundle.add({ envelope, bytes, key, kind }, receivers, envelope.session);
      return;
    }
    delivered.signals += receivers.length;
    // What waits at the address must not be replaced by what comes after this: that would overtake it.
    const passed = delivery === 'keep' && signal !== GESTURE ? [entry, entry.id] : undefined;
    for (const receiver of receivers) {
      if (passed) receiver.outbox.fence(passed);
      if (receiver === envelope.session) delivered.signals--;
      else if (receiver.paced === undefined || delivery !== 'stream') receiver.outbox.send(bytes, delivery, key);
      else receiver.paced.deliver(entry, frame, bytes, 'stream');
    }
  };

  /** Delivers a SET or event that a participant of this process has said with a tag, or with a value that no frame holds. */
  const deliverInProcess = (envelope: Envelope, entry: Entry, frame: Frame, receivers: readonly Session[]) => {
    const isSet = envelope.kind === 'SET';
    const isLarge = frame.valueCode === ValueCode.Large;
    let within: Uint8Array | undefined;
    let beyond: Uint8Array | undefined;
    for (const receiver of receivers) {
      if (!isSet && receiver === envelope.session) continue;
      delivered.signals++;
      let bytes: Uint8Array;
      if (receiver.inProcess) {
        within ??= isSet ? stampInProcess(frame, envelope.revision) : frame.bytes;
        bytes = within;
      } else if (isLarge) {
        beyond ??= tooLargeToRead(entry.address, frame.valueEnd - frame.valueStart);
        bytes = beyond;
      } else {
        beyond ??= isSet ? stampRevision(frame, envelope.revision, room) : forwardPublish(frame);
        bytes = beyond;
      }
      if (!isSet) {
        receiver.outbox.fence([entry, entry.id]);
        receiver.outbox.send(bytes, 'keep', entry.id);
      } else if (receiver.paced === undefined || (isLarge && !receiver.inProcess)) {
        receiver.outbox.send(bytes, 'param', entry);
      } else receiver.paced.deliver(entry, frame, bytes, 'param');
    }
  };

  /** The ACK of a message: of a bundle, that of its last SET. */
  const ackOf = ({ kind, entry, frame, revision }: Envelope): Uint8Array => {
    const address = entry?.address;
    if (kind !== 'SET' || !frame) return encodeMessage({ type: 'ACK', address });
    if ((frame.flags & (SetFlag.Lock | SetFlag.Unlock)) === 0) return acknowledgeSet(frame, revision);
    const holder = entry?.state?.holder;
    return encodeMessage({ type: 'ACK', address, revision, locked: holder !== undefined, holder });
  };

  const acknowledge = (envelope: Envelope, subject: Envelope) => {
    if (envelope.frame && envelope.frame.qos > 0) answer(envelope, ackOf(subject));
  };

  const finish = (envelope: Envelope) => {
    const complete = bundle;
    bundle = undefined;
    const signals = complete?.deliver() ?? 0;
    delivered.signals += signals; // only now: what delivers may count, too
    acknowledge(envelope, lastOf(envelope));
  };

  const subscribe = ({ session, frame }: Envelope, message: SubscribeMessage): ClaspError | undefined => {
    if (maxSubscriptions > 0 && (session.subscriptions?.size ?? 0) >= maxSubscriptions) {
      const reason = `too many subscriptions, at most ${maxSubscriptions}`;
      return new ClaspError(ErrorCode.TooMany, reason, { address: message.pattern });
    }
    const subscription = {
      pattern: compilePattern(message.pattern),
      mask: signalMask(message.types),
      options: message.options,
      pacing: pacingOf(message.options),
    };
    const missed = missedBy(session, subscription, ongoing, subscriptions);
    session.subscriptions ??= new Subscriptions();
    session.subscriptions.add(message.id, subscription);
    subscriptions.add(subscription.pattern, subscription.mask, session);
    pacer.subscribed(session, subscription);

    if (subscription.mask & KindBit.param) {
      sendSnapshot(session, store.matching(message.pattern, session.scopes), false);
    }
    for (const bytes of missed) reply(session, bytes);
    if (frame && frame.qos > 0) {
      reply(session, encodeMessage({ type: 'ACK', address: message.pattern, correlationId: message.id }));
    }
    return undefined;
  };

  const unsubscribe = ({ session, frame }: Envelope, { id }: UnsubscribeMessage) => {
    const removed = session.subscriptions?.remove(id) ?? [];
    for (const { pattern, mask } of removed) subscriptions.remove(pattern, mask, session);
    pacer.unsubscribed(session, removed);
    if (frame && frame.qos > 0) reply(session, encodeMessage({ type: 'ACK', correlationId: id }));
  };

  const leave = (session: Session) => {
    for (const { pattern, mask } of session.subscriptions?.clear() ?? []) subscriptions.remove(pattern, mask, session);
    session.subscriptions = undefined;
    pacer.left(session);
  };

  const synchronise = ({ session, at }: Envelope, sync: Frame) =>
    reply(session, answerSync(sync, Math.floor(at), Math.floor(now())));

  const complain = (envelope: Envelope) => {
    const { frame, error } = envelope;
    if (error) answer(envelope, encodeError(error, correlationOf(frame)));
  };

  return stage((out) => ({
    next(envelope) {
      const { kind, session, frame, entry } = envelope;
      switch (kind) {
        case 'SET':
        case 'PUBLISH':
          if (!entry || !frame) return;
          deliver(envelope, entry, frame);
          acknowledge(envelope, envelope);
          return;
        case 'BUNDLE':
          bundle = new BundleDelivery();
          return;
        case 'bundled':
          finish(envelope);
          return;
        case 'GET':
          if (!entry) return;
          store.use(entry, envelope.at);
          sendParam(session, entry);
          return;
        case 'SUBSCRIBE': {
          const error = subscribe(envelope, frame?.message as SubscribeMessage);
          if (!error) return;
          envelope.refuse(error);
          break;
        }
        case 'UNSUBSCRIBE':
          unsubscribe(envelope, frame?.message as UnsubscribeMessage);
          return;
        case 'SYNC':
          if (frame) synchronise(envelope, frame);
          return;
        case 'PING':
          reply(session, PONG);
          return;
        case 'opened':
          // Who is in this process asks for what it wants, and needs no sign that the greeting is over.
          if (!session.inProcess) {
            sendSnapshot(session, session.narrow ? [] : store.matching('/**', session.scopes), true);
          }
          break;
        case 'closed':
          leave(session);
          break;
        case 'refused':
          break;
        default:
          envelope.refuse(new ClaspError(ErrorCode.NotEnabled, `${kind} is not enabled on this relay`));
      }
      if (envelope.kind === 'refused') complain(envelope);
      out.next(envelope);
    },
    dispose: () => pacer.dispose(),
  }));
}

function reply(session: Session, bytes: Uint8Array): void {
  session.outbox.send(bytes, 'keep', session);
}

/** Replies to a frame that may be repeated. */
function answer(envelope: Envelope, bytes: Uint8Array): void {
  envelope.answer = bytes;
  reply(envelope.session, bytes);
}

/** The part of a bundle that its ACK is about: the last SET, or the last one where there is none. */
function lastOf(bundle: Envelope): Envelope {
  const { parts } = bundle;
  for (let index = parts.length - 1; index >= 0; index--) {
    const part = parts[index] as Envelope;
    if (part.kind === 'SET') return part;
  }
  return parts.at(-1) ?? bundle;
}

function correlationOf(frame: Frame | undefined): number | undefined {
  const message = frame?.type === MessageCode.Subscribe ? (frame.message as SubscribeMessage) : undefined;
  return message?.id;
}
