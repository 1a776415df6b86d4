import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Envelope } from './envelope.ts';
import type { ParamWriter } from './param-writer.ts';
import { stage } from './stage.ts';

/**
 * Decides who wins: an accepted SET is stored under its next revision and passes on with it, any other is refused, see
 * {@link ParamWriter.apply}. Locks end with the session that holds them. Everything else passes at once, in order.
 */
export function conflictMerge(params: ParamWriter): MonoTypeOperatorFunction<Envelope> {
  return stage((out) => ({
    next(envelope) {
      if (envelope.kind === 'SET' && envelope.entry) params.apply(envelope, envelope.entry);
      else if (envelope.kind === 'closed') params.release(envelope.session);
      out.next(envelope);
    },
  }));
}
