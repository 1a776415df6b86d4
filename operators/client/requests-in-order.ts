import type { Request } from './client-request.ts';
import { SentRequests } from './sent-requests.ts';

/**
 * {@link SentRequests} of a relay that answers in order: an answer is nearly always to the oldest of them. So the
 * addresses of a request are looked at when an answer names one, rather than remembered one by one.
 */
export class RequestsInOrder extends SentRequests {
  /** The requests at an address up to the first that is acknowledged: no later one is answered before that. */
  override at(address: string): readonly Request[] {
    if (this.all.size === 0) return NONE;
    const found: Request[] = [];
    for (const request of this.all) {
      if (!request.addresses.includes(address)) continue;
      found.push(request);
      if (request.kind === 'write' || request.kind === 'message') break;
    }
    return found;
  }

  override add(request: Request): void {
    this.all.add(request);
  }

  override delete(request: Request): void {
    this.all.delete(request);
  }
}

const NONE: readonly Request[] = [];
