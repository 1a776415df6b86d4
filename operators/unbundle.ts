import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Envelope } from './envelope.ts';
import { stage } from './stage.ts';

/**
 * Opens bundles in two passes. First the BUNDLE itself goes down the trunk: every stage behind says whether it takes the
 * parts that concern it, and the one that writes params writes all of them or none. If nobody refused it, its parts
 * follow one by one as if they had come alone, and then the same envelope again as `bundled`: what passed in between
 * belongs together. Everything else passes at once, in order.
 */
export function unbundle(): MonoTypeOperatorFunction<Envelope> {
  return stage((out) => ({
    next(envelope) {
      out.next(envelope);
      if (envelope.kind !== 'BUNDLE') return;
      for (const part of envelope.parts) out.next(part);
      envelope.kind = 'bundled';
      out.next(envelope);
    },
  }));
}
