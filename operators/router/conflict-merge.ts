import type { Envelope } from './envelope.ts';
import { ParamExpiry, type ParamExpiryOptions } from './param-expiry.ts';
import type { ParamWriter } from './param-writer.ts';
import { type StageOperator, stage } from './stage.ts';
import { writeBundle } from './write-bundle.ts';

/**
 * Decides who wins: an accepted SET is stored under its next revision and passes on with it, any other is refused, see
 * {@link ParamWriter.apply}; a BUNDLE when all of its SETs are, and otherwise none of them is stored. Locks end with the
 * session that holds them. Everything else passes at once, in order.
 *
 * Also takes params away, when their TTL ends and when there are more than the store's limit: each by a SET of null under
 * its next revision, as if the relay had written it. What pushed a param out passes first. A lock outlives the value.
 */
export function conflictMerge(params: ParamWriter, options: ParamExpiryOptions = {}): StageOperator<Envelope> {
  return stage((out) => {
    const expiry = new ParamExpiry(params.store, (removal) => out.next(removal), options);
    let unbundling = false;

    return {
      next(envelope) {
        const { kind, entry } = envelope;
        if (kind === 'SET') {
          // What has its revision already was written with its bundle.
          if (entry && envelope.revision === 0) params.apply(envelope, entry);
          out.next(envelope);
          // A bundle's writes are done before any of them is told, and what one of them has pushed out may be another.
          if (!unbundling) expiry.evict(envelope.at);
          return;
        }
        if (kind === 'BUNDLE') {
          writeBundle(params, envelope);
          unbundling = envelope.kind === 'BUNDLE';
        } else if (kind === 'bundled') {
          unbundling = false;
        } else if (kind === 'closed') {
          params.release(envelope.session);
        }
        out.next(envelope);
        if (kind === 'bundled' || kind === 'closed') expiry.evict(envelope.at);
      },
      dispose: () => expiry.dispose(),
    };
  });
}
