import type { Numbers } from '../core/signal/pacing.ts';
import type { Signal } from '../core/signal/signal.ts';

/** What is paced together: a param, a stream, or all plain numbers; undefined for what passes. */
export function pacedKey(value: Signal | Numbers): string | undefined {
  if (typeof value !== 'object' || !('kind' in value)) return '';
  if (value.kind === 'param') return value.address;
  // An address begins with a slash, so no param has this key.
  return value.kind === 'stream' ? `~${value.address}` : undefined;
}
