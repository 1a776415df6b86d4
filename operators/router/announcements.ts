import { compilePattern } from '../../core/address/pattern.ts';
import { KindBit, type SubscriptionIndex } from '../../core/address/subscription-index.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { ParamStore } from '../../core/param/param-store.ts';
import { encodeMessage, encodeResults, type Frame, forwardAnnounce } from '../../core/wire/index.ts';
import type { AnnounceMessage, QueryMessage, SignalDefinition } from '../../core/wire/message.ts';
import { type StageOperator, stage } from '../stage.ts';
import type { Envelope } from './envelope.ts';
import type { Session } from './session-state.ts';

/** Signals that one session may announce. */
const MAX_ANNOUNCED = 10_000;
/** Bytes that the addresses, datatypes and access of one session's signals may take, at two a character. */
const MAX_ANNOUNCED_BYTES = 8 * 1024 * 1024;
const CHARACTER = 2;

/** A signal that somebody announced. */
interface Announced {
  /** What a RESULT says of it: a default value or a description may be long, and nobody asks for them later. */
  readonly definition: SignalDefinition;
  readonly by: Session;
  readonly size: number;
}

/** What one session announced. */
interface OfSession {
  readonly addresses: Set<string>;
  bytes: number;
}

/**
 * Keeps what sessions announce and answers queries.
 *
 * An ANNOUNCE is remembered per address until its session ends or somebody announces the address again, passed on to
 * the sessions that subscribed to its addresses (those that ever sent QoS 1: others do not understand it), and
 * acknowledged. A QUERY is answered with what is announced and which params exist under the pattern, as far as its
 * sender may read them. Refuses with 429 more than 10 000 announced signals of a session or 8 MiB of their addresses,
 * datatypes and access: what is announced again counts once. Everything else passes at once, in order. Needs
 * `scopeFilter` before it, which checks the addresses.
 */
export function announcements(subscriptions: SubscriptionIndex<Session>, store: ParamStore): StageOperator<Envelope> {
  return stage((out) => {
    const announced = new Map<string, Announced>();
    const sessions = new Map<Session, OfSession>();

    const forget = (address: string) => {
      const known = announced.get(address);
      if (!known) return;
      announced.delete(address);
      const own = sessions.get(known.by);
      if (own?.addresses.delete(address)) own.bytes -= known.size;
    };

    /** Why not all of these can be kept beside what the session announced already, if so. */
    const overflow = (signals: readonly SignalDefinition[], session: Session): ClaspError | undefined => {
      const own = sessions.get(session);
      let count = own?.addresses.size ?? 0;
      let bytes = own?.bytes ?? 0;
      const planned = new Map<string, number>();
      for (const definition of signals) {
        const { address } = definition;
        const known = own?.addresses.has(address) ? announced.get(address)?.size : undefined;
        const old = planned.get(address) ?? known;
        const size = sizeOf(definition);
        count += Number(old === undefined);
        bytes += size - (old ?? 0);
        planned.set(address, size);
      }
      if (count > MAX_ANNOUNCED) {
        return new ClaspError(ErrorCode.TooMany, `too many announced signals, at most ${MAX_ANNOUNCED}`);
      }
      if (bytes <= MAX_ANNOUNCED_BYTES) return undefined;
      return new ClaspError(ErrorCode.TooMany, `announced signals are too long, at most ${MAX_ANNOUNCED_BYTES} bytes`);
    };

    const announce = (session: Session, frame: Frame, { signals }: AnnounceMessage) => {
      const own = sessions.get(session) ?? { addresses: new Set(), bytes: 0 };
      sessions.set(session, own);
      const listeners = new Map<Session, number[]>();
      for (const [place, definition] of signals.entries()) {
        const { address, type, datatype, access } = definition;
        const size = sizeOf(definition);
        forget(address);
        announced.set(address, { definition: { address, type, datatype, access }, by: session, size });
        own.addresses.add(address);
        own.bytes += size;
        for (const listener of subscriptions.match(address, KindBit[type])) {
          if (!listener.confirms || listener === session) continue;
          const heard = listeners.get(listener);
          if (heard) heard.push(place);
          else listeners.set(listener, [place]);
        }
      }
      for (const [listener, heard] of listeners) {
        listener.outbox.send(forwardAnnounce(frame, heard), 'keep', undefined);
      }
      if (frame.qos > 0) {
        session.outbox.send(encodeMessage({ type: 'ACK', address: signals[0]?.address }), 'keep', undefined);
      }
    };

    const found = (session: Session, pattern: string): SignalDefinition[] => {
      const compiled = compilePattern(pattern);
      const signals: SignalDefinition[] = [];
      for (const { definition } of announced.values()) {
        const { address } = definition;
        if (compiled.matches(address) && session.scopes.allows('read', address)) signals.push(definition);
      }
      for (const { address } of store.matching(pattern, session.scopes)) {
        if (!announced.has(address)) signals.push({ address, type: 'param' });
      }
      return signals;
    };

    const answer = ({ session }: Envelope, { pattern }: QueryMessage) => {
      const frames = encodeResults(found(session, pattern), session.connection.maxFrame);
      for (const bytes of frames) session.outbox.send(bytes, 'keep', undefined);
    };

    return {
      next(envelope) {
        const { kind, session, frame } = envelope;
        if (kind === 'QUERY') {
          answer(envelope, frame?.message as QueryMessage);
          return;
        }
        if (kind === 'ANNOUNCE' && frame) {
          const message = frame.message as AnnounceMessage;
          const error = overflow(message.signals, session);
          if (!error) {
            announce(session, frame, message);
            return;
          }
          envelope.refuse(error);
        } else if (kind === 'closed') {
          for (const address of [...(sessions.get(session)?.addresses ?? [])]) forget(address);
          sessions.delete(session);
        }
        out.next(envelope);
      },
    };
  });
}

function sizeOf({ address, datatype = '', access = '' }: SignalDefinition): number {
  return CHARACTER * (address.length + datatype.length + access.length);
}
