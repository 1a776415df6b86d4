import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { Deduplication, type DeduplicationKey } from '../../core/wire/deduplication.ts';
import type { Frame } from '../../core/wire/index.ts';
import { type StageOperator, stage } from '../stage.ts';
import type { Envelope, EnvelopeKind } from './envelope.ts';
import type { Session } from './session-state.ts';

/** What is remembered of a subject, which may be long: it is remembered with each frame. */
const MAX_SUBJECT = 256;

/**
 * Applies a frame of QoS 2 exactly once: one that is repeated, also in another session, gets the answer again that it
 * got before (ACK or ERROR), for 5 minutes, and goes no further. Such a frame has a timestamp in its header that rises
 * from frame to frame; without one it counts as QoS 1. This is about what writes: SET, PUBLISH and BUNDLE. Anything else
 * (SUBSCRIBE, ANNOUNCE, GET, QUERY …) does no harm when it is applied again, and its sender needs all of its replies again.
 *
 * In order: within a session a timestamp that is not higher than the last one, of a frame that is not a repeat, is
 * refused with a `ClaspError` 400. Who wrote a frame is told by the subject of its grant, or else by the name of the client and the address of its peer
 * without the port; several clients of one name behind one address do not mistake each other's frames, since the
 * timestamp and the content count too. Everything else passes at once, in order.
 *
 * @param memory what was answered; give the same one again and it outlives the run
 */
export function deduplicate(memory: Deduplication = new Deduplication()): StageOperator<Envelope> {
  return stage((out) => {
    const newest = new Map<Session, number>();

    const apply = (envelope: Envelope, key: DeduplicationKey) => {
      const { session, at, entry } = envelope;
      const answer = memory.recall(key, at);
      if (answer) {
        session.outbox.send(answer, 'keep', session);
        return;
      }
      const { timestamp } = key;
      const last = newest.get(session);
      if (last !== undefined && timestamp <= last) {
        const reason = `out of order: timestamp ${timestamp} came after ${last}`;
        out.next(envelope.refuse(new ClaspError(ErrorCode.Conflict, reason, { address: entry?.address })));
        return;
      }
      newest.set(session, timestamp);
      out.next(envelope);
      if (envelope.answer) memory.keep(key, envelope.answer, at);
    };

    return {
      next(envelope) {
        const { kind, session, frame } = envelope;
        if (frame?.qos === 2 && frame.timestamp !== undefined && writes(kind)) {
          apply(envelope, keyOf(session, frame, frame.timestamp));
          return;
        }
        if (kind === 'closed') newest.delete(session);
        out.next(envelope);
      },
    };
  });
}

function writes(kind: EnvelopeKind): boolean {
  return kind === 'SET' || kind === 'PUBLISH' || kind === 'BUNDLE';
}

function keyOf(session: Session, { bytes, start, end }: Frame, timestamp: number): DeduplicationKey {
  return { writer: writerOf(session), timestamp, bytes, start, end };
}

function writerOf({ name, grant, connection }: Session): string {
  // A host has no line break.
  if (grant?.subject !== undefined) return `subject\n${grant.subject.slice(0, MAX_SUBJECT)}`;
  return `${connection.peer?.replace(/:\d+$/, '') ?? ''} ${name}`;
}
