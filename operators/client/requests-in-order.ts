import type { Confirmable, Request } from './client-request.ts';
import { LoneMap } from './lone-map.ts';
import { type RequestSet, SentRequests } from './sent-requests.ts';

/**
 * {@link SentRequests} of a relay that answers in order: an answer is nearly always to the oldest of them. So the
 * addresses of a request are looked at when an answer names one, rather than remembered one by one.
 */
export class RequestsInOrder extends SentRequests {
  protected override readonly all: RequestQueue = new RequestQueue();

  /** The requests at an address up to the first that is acknowledged: no later one is answered before that. */
  override at(address: string): readonly Request[] {
    if (this.all.isEmpty) return NONE;
    const found: Request[] = [];
    for (const request of this.all) {
      if (!request.addresses.includes(address)) continue;
      found.push(request);
      if (request.kind === 'write' || request.kind === 'message') break;
    }
    return found;
  }

  override acknowledgeable(address: string | undefined, revision: number | undefined): Confirmable | undefined {
    const { first } = this.all;
    if (first?.kind === 'write' && revision !== undefined && first.addresses[0] === address) return first;
    return super.acknowledgeable(address, revision);
  }

  override add(request: Request): void {
    this.all.add(request);
  }

  override delete(request: Request): void {
    this.all.delete(request);
  }
}

/** A set in order that most often holds one request or none. */
class RequestQueue implements RequestSet {
  readonly #requests = new LoneMap<Request, true>();

  get isEmpty(): boolean {
    return this.#requests.size === 0;
  }

  /** The oldest, unless it has gone and others have not. */
  get first(): Request | undefined {
    return this.#requests.first;
  }

  add(request: Request): void {
    this.#requests.set(request, true);
  }

  delete(request: Request): void {
    this.#requests.delete(request);
  }

  clear(): void {
    this.#requests.clear();
  }

  *values(): Generator<Request, void> {
    for (const [request] of this.#requests) yield request;
  }

  [Symbol.iterator](): Iterator<Request> {
    return this.values();
  }
}

const NONE: readonly Request[] = [];
