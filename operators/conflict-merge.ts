import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Envelope } from './envelope.ts';
import type { ParamWriter } from './param-writer.ts';
import { stage } from './stage.ts';
import { writeBundle } from './write-bundle.ts';

/**
 * Decides who wins: an accepted SET is stored under its next revision and passes on with it, any other is refused, see
 * {@link ParamWriter.apply}; a BUNDLE when all of its SETs are, and otherwise none of them is stored. Locks end with the session that holds them. Everything else passes at once, in order.
 */
export function conflictMerge(params: ParamWriter): MonoTypeOperatorFunction<Envelope> {
  return stage((out) => ({
    next(envelope) {
      // What has its revision already was written with its bundle.
      if (envelope.kind === 'SET' && envelope.entry && envelope.revision === 0) params.apply(envelope, envelope.entry);
      else if (envelope.kind === 'BUNDLE') writeBundle(params, envelope);
      else if (envelope.kind === 'closed') params.release(envelope.session);
      out.next(envelope);
    },
  }));
}
