/** The options of `Clasp`, as in `@clasp-to/core`. */
export interface ConnectOptions {
  /** What the relay calls this client. @defaultValue 'clasp-rx' */
  name?: string;
  /** What this client says it understands. @defaultValue ['param', 'event', 'stream'] */
  features?: string[];
  /** Proves what this client may do. @defaultValue none */
  token?: string;
  /** Whether to connect again after a loss. @defaultValue true */
  reconnect?: boolean;
  /** Milliseconds: upper end of the first wait before reconnecting, which is random; 0 counts as none. @defaultValue 5000 */
  reconnectInterval?: number;
  /** Milliseconds that `connect` waits. @defaultValue 10000 */
  connectionTimeout?: number;
}

/**
 * Gathers the options of a client and connects it: the methods of `ClaspBuilder` of `@clasp-to/core` 3.3.2. The
 * platforms bind it to their `Clasp`.
 */
export class ClientBuilder<C extends { connect(): Promise<void> }> {
  readonly #url: string;
  readonly #make: (url: string, options: ConnectOptions) => C;
  readonly #options: ConnectOptions = {};

  constructor(url: string, make: (url: string, options: ConnectOptions) => C) {
    this.#url = url;
    this.#make = make;
  }

  getUrl(): string {
    return this.#url;
  }

  getName(): string | undefined {
    return this.#options.name;
  }

  getFeatures(): string[] | undefined {
    return this.#options.features;
  }

  getToken(): string | undefined {
    return this.#options.token;
  }

  getReconnect(): boolean | undefined {
    return this.#options.reconnect;
  }

  getReconnectInterval(): number | undefined {
    return this.#options.reconnectInterval;
  }

  /** A copy of everything that was set. */
  getOptions(): ConnectOptions {
    return { ...this.#options };
  }

  /** What the relay calls this client. */
  name(name: string): this {
    this.#options.name = name;
    return this;
  }

  /** The same as `name`. */
  withName(name: string): this {
    return this.name(name);
  }

  /** What this client says it understands. */
  features(features: string[]): this {
    this.#options.features = features;
    return this;
  }

  /** The same as `features`. */
  withFeatures(features: string[]): this {
    return this.features(features);
  }

  /** Proves what this client may do. */
  token(token: string): this {
    this.#options.token = token;
    return this;
  }

  /** The same as `token`. */
  withToken(token: string): this {
    return this.token(token);
  }

  /** Whether to connect again after a loss. */
  reconnect(enabled: boolean): this {
    this.#options.reconnect = enabled;
    return this;
  }

  /** Whether to connect again after a loss, and how long to wait first, at most, in milliseconds. */
  withReconnect(enabled: boolean, intervalMs?: number): this {
    this.reconnect(enabled);
    return intervalMs === undefined ? this : this.reconnectInterval(intervalMs);
  }

  /** Milliseconds: upper end of the first wait before reconnecting. */
  reconnectInterval(ms: number): this {
    this.#options.reconnectInterval = ms;
    return this;
  }

  /** Makes the client and connects it; rejects as its `connect` does. */
  connect(): Promise<C> {
    const client = this.#make(this.#url, this.#options);
    return client.connect().then(() => client);
  }
}
