import type { Confirmable, QueryRequest, Request } from './client-request.ts';

/** Where the relay lists the bundles that wait. */
export const SCHEDULE = '/clasp/schedule/';

/** Requests in order: the part of a set that is needed of them. */
export interface RequestSet extends Iterable<Request> {
  values(): Iterator<Request>;
  add(request: Request): unknown;
  delete(request: Request): unknown;
  clear(): void;
}

/** Requests that were sent and not answered, in order: all of them, and for each address those that name it. */
export class SentRequests implements Iterable<Request> {
  protected readonly all: RequestSet = new Set<Request>();
  readonly #byAddress = new Map<string, Request[]>();

  [Symbol.iterator](): Iterator<Request> {
    return this.all.values();
  }

  at(address: string): readonly Request[] {
    return this.#byAddress.get(address) ?? NONE;
  }

  /**
   * What an ACK belongs to: the oldest request at its address, best one that such an ACK answers; without an address the
   * oldest of several addresses; a place in the schedule answers the oldest bundle for a certain time.
   */
  acknowledgeable(address: string | undefined, revision: number | undefined): Confirmable | undefined {
    let first: Confirmable | undefined;
    for (const request of address === undefined ? this.all : this.at(address)) {
      if (request.kind === 'get' || request.kind === 'query') continue;
      const several = request.kind === 'message' && request.message.type !== 'PUBLISH';
      if (several || (address !== undefined && (request.kind === 'write') === (revision !== undefined))) return request;
      first ??= request;
    }
    if (first || !address?.startsWith(SCHEDULE)) return first;
    for (const request of this.all) {
      if (request.kind === 'message' && request.message.type === 'BUNDLE' && request.message.timestamp) return request;
    }
    return undefined;
  }

  /** The oldest query. */
  query(): QueryRequest | undefined {
    for (const request of this.all) if (request.kind === 'query') return request;
    return undefined;
  }

  add(request: Request): void {
    this.all.add(request);
    for (const address of request.addresses) {
      const queue = this.#byAddress.get(address);
      if (!queue) this.#byAddress.set(address, [request]);
      else if (queue.at(-1) !== request) queue.push(request); // a bundle may name an address twice
    }
  }

  delete(request: Request): void {
    this.all.delete(request);
    for (const address of request.addresses) {
      const queue = this.#byAddress.get(address);
      const at = queue?.indexOf(request) ?? -1;
      if (!queue || at < 0) continue;
      if (queue.length === 1) this.#byAddress.delete(address);
      else queue.splice(at, 1);
    }
  }

  clear(): void {
    this.all.clear();
    this.#byAddress.clear();
  }
}

const NONE: readonly Request[] = [];
