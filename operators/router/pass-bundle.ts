import type { Subscriber } from 'rxjs';
import type { Envelope } from './envelope.ts';

/**
 * Passes a bundle on in two rounds. First the BUNDLE itself goes down the trunk: every stage behind says whether it takes
 * the parts that concern it, and the one that writes params writes all of them or none. If nobody refused it, its parts
 * follow one by one as if they had come alone, and then the same envelope again as `bundled`: what passed in between
 * belongs together.
 */
export function passBundle(out: Subscriber<Envelope>, bundle: Envelope): void {
  out.next(bundle);
  if (bundle.kind !== 'BUNDLE') return;
  for (const part of bundle.parts) out.next(part);
  bundle.kind = 'bundled';
  out.next(bundle);
}
