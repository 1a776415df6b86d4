import type { Request } from './client-request.ts';

/** Requests that were sent and not answered, in order: all of them, and for each address those that name it. */
export class SentRequests implements Iterable<Request> {
  readonly #all = new Set<Request>();
  readonly #byAddress = new Map<string, Request[]>();

  [Symbol.iterator](): Iterator<Request> {
    return this.#all.values();
  }

  at(address: string): readonly Request[] {
    return this.#byAddress.get(address) ?? NONE;
  }

  add(request: Request): void {
    this.#all.add(request);
    for (const address of request.addresses) {
      const queue = this.#byAddress.get(address);
      if (!queue) this.#byAddress.set(address, [request]);
      else if (queue.at(-1) !== request) queue.push(request); // a bundle may name an address twice
    }
  }

  delete(request: Request): void {
    this.#all.delete(request);
    for (const address of request.addresses) {
      const queue = this.#byAddress.get(address);
      const at = queue?.indexOf(request) ?? -1;
      if (!queue || at < 0) continue;
      if (queue.length === 1) this.#byAddress.delete(address);
      else queue.splice(at, 1);
    }
  }

  clear(): void {
    this.#all.clear();
    this.#byAddress.clear();
  }
}

const NONE: readonly Request[] = [];
