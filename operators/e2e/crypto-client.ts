import type { Steps } from '../../core/answer.ts';
import type { Reply } from '../../core/client/client.ts';
import type { Value } from '../../core/signal/value.ts';
import { type ClaspLike, type E2EConfig, type E2EPlatform, E2ESession } from './e2e-session.ts';
import { InOrder } from './in-order.ts';

/** A session's configuration but for its base path: the same for all sessions of a client. */
export type CryptoClientConfig = Omit<E2EConfig, 'basePath'>;

/**
 * The wrapper of the published package: a client of the `@clasp-to/core` shape, with a session for each base path.
 * Unlike there, nothing below a base path is ever sent in the clear, and what cannot be read is not given to anybody.
 */
export class CryptoClient {
  /** The client itself, for what is not to be encrypted. */
  readonly inner: ClaspLike;
  readonly #config: CryptoClientConfig;
  readonly #platform: E2EPlatform;
  readonly #sessions = new Map<string, E2ESession>();
  readonly #sending = new InOrder();

  constructor(client: ClaspLike, config: CryptoClientConfig, platform: E2EPlatform) {
    this.inner = client;
    this.#config = config;
    this.#platform = platform;
  }

  /** The session of a base path, made at first. It does nothing before `start`. */
  session(basePath: string, options: Partial<E2EConfig> = {}): E2ESession {
    const known = this.#sessions.get(basePath);
    if (known) return known;
    const session = new E2ESession(this.inner, { ...this.#config, ...options, basePath }, this.#platform);
    this.#sessions.set(basePath, session);
    return session;
  }

  /** Writes a param, encrypted where its address lies below a base path: then it fails with 501 while there is no key. */
  set(address: string, value: Value): Reply<void> {
    if (value === null) return this.#send(address, undefined, () => this.inner.set(address, null));
    return this.#send(address, value, (sealed) => this.inner.set(address, sealed));
  }

  /** Sends an event, as `set` does a param. */
  emit(address: string, payload: Value = null): Reply<void> {
    return this.#send(address, payload, (sealed) => this.inner.emit(address, sealed));
  }

  /** Decrypted values, in order; those outside every base path as they are. Gives the function that ends it. */
  subscribe(pattern: string, callback: (data: Value, address: string) => void): () => void {
    const reading = new InOrder();
    const opened = this.#opened.bind(this);
    return this.inner.subscribe(pattern, (data, address) => {
      reading.run(function* () {
        const read = yield* opened(address, data);
        if (read) callback(read.value, address);
      });
    });
  }

  /** Ends every session; the client stays open. */
  close(): void {
    for (const session of this.#sessions.values()) session.destroy();
    this.#sessions.clear();
  }

  *#opened(address: string, value: Value): Steps<{ readonly value: Value } | undefined> {
    const session = this.#sessionOf(address);
    return session && value !== null ? yield* session.opening(address, value) : { value };
  }

  #send(address: string, value: Value | undefined, send: (sealed: Value) => unknown): Reply<void> {
    const session = this.#sessionOf(address);
    return this.#sending.run(function* () {
      const sealed = value === undefined ? null : session ? yield* session.sealing(address, value) : value;
      // What the client gives back is its own business, also where it is a promise.
      void send(sealed);
    });
  }

  /** Of several the one with the longest base path. */
  #sessionOf(address: string): E2ESession | undefined {
    let best: E2ESession | undefined;
    for (const session of this.#sessions.values()) {
      if (session.covers(address) && session.basePath.length > (best?.basePath.length ?? -1)) best = session;
    }
    return best;
  }
}
