import { readFileSync } from 'node:fs';
import { firstValueFrom, isObservable, Subscription } from 'rxjs';
import { type AuthStore, MemoryAuthStore } from '../../core/auth/auth-store.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import type { TrustAnchor } from '../../core/token/capability.ts';
import type { StaticToken } from '../../core/token/token-file.ts';
import { type Authority, authority } from '../../operators/auth/authority.ts';
import type { Authenticate, Grant, Introduction } from '../../operators/router/authenticate.ts';
import { isLocal } from '../host-port.ts';
import { nodeTokenCrypto } from '../token/node-token-crypto.ts';
import type { AuthConfig } from './auth-config.ts';
import { type PasswordThreads, passwordThreads } from './password-threads.ts';
import { readAdminToken, readTokens } from './secrets.ts';
import { sqliteAuthStore } from './sqlite-auth-store.ts';

export interface RelayAuthOptions {
  readonly config: AuthConfig;
  /** The address that the relay is bound to. */
  readonly host: string;
  /** Whether what comes to the relay is encrypted. */
  readonly encrypted: boolean;
  /** Who judges tokens that none of ours are. @defaultValue nobody: refused with 300 */
  readonly otherwise: Authenticate | undefined;
  /** Told what a person should know; never a secret. */
  readonly warn: (text: string) => void;
}

const DATABASE = 'relay-auth.db';
/** Milliseconds between two looks whether another process has revoked something: 5 s is what it may take. */
const LOOK = 2_000;
/** Milliseconds between two times that what has expired is forgotten. */
const PRUNE = 600_000;

/** Who may come into one relay, as its configuration says. */
export class RelayAuth {
  readonly #options: RelayAuthOptions;
  readonly #running = new Subscription();
  #authority: Authority | undefined;
  #store: AuthStore | undefined;
  #passwords: PasswordThreads | undefined;
  #tokens: readonly StaticToken[] = [];
  #adminToken: string | undefined;

  constructor(options: RelayAuthOptions) {
    this.#options = options;
  }

  /** What answers `/auth` and `/api`. Throws a `ClaspError` 503 before it is open. */
  get authority(): Authority {
    if (!this.#authority) throw new ClaspError(ErrorCode.Overloaded, 'the relay is not open yet');
    return this.#authority;
  }

  /**
   * Reads secrets and opens the database. Rejects with a `ClaspError`: 402 for a configuration that cannot work, 500 for
   * a database that cannot be used.
   */
  async open(): Promise<void> {
    const { config, warn } = this.#options;
    this.#read(config);
    const anchors = (config.trustAnchors ?? []).map(anchorOf);
    this.#store = await this.#openStore();
    this.#passwords = passwordThreads();
    const { tokenTtl, users, guests, anonymous, register, guestIds, minPassword, capMaxDepth } = config;
    const rules = { tokenTtl, users, guests, anonymous, register, guestIds, minPassword, capMaxDepth };
    this.#authority = authority({
      ...rules,
      store: this.#store,
      crypto: nodeTokenCrypto,
      passwords: this.#passwords,
      now: Date.now,
      elapsed: () => performance.now(),
      tokens: this.#tokens,
      adminToken: this.#adminToken,
      trustAnchors: anchors,
      hint: warn,
    });
    this.#every(LOOK, () => this.authority.lookElsewhere());
    this.#every(PRUNE, () => this.authority.prune());
    this.#warnAtStart();
  }

  /** Decides what the bearer of a token may do. */
  readonly authenticate: Authenticate = (token, hello) => {
    const { config, otherwise } = this.#options;
    if (config.requireTls && token !== undefined && hello.secure === false) {
      throw new ClaspError(ErrorCode.NotAuthenticated, 'not authenticated: tokens are taken over TLS only');
    }
    return otherwise ? this.#byEither(token, hello, otherwise) : this.authority.authenticate(token, hello.peer);
  };

  /**
   * Takes the tokens of another configuration, or those of this one as their files are now; what is gone ends. Throws a
   * `ClaspError` 402, and changes nothing, for what cannot be read.
   */
  reload(config: AuthConfig = this.#options.config): void {
    this.#read(config);
    this.#authority?.reconfigure(this.#tokens, this.#adminToken);
  }

  async close(): Promise<void> {
    this.#running.unsubscribe();
    await this.#passwords?.close();
    await this.#store?.close();
  }

  async #byEither(token: string | undefined, hello: Introduction, otherwise: Authenticate): Promise<Grant> {
    if (await this.authority.takes(token)) return this.authority.authenticate(token, hello.peer);
    const answer = otherwise(token, hello);
    return isObservable(answer) ? firstValueFrom(answer) : answer;
  }

  #read(config: AuthConfig): void {
    const tokens = readTokens(config);
    const adminToken = config.adminToken === undefined ? undefined : readAdminToken(config.adminToken);
    this.#tokens = tokens;
    this.#adminToken = adminToken;
  }

  async #openStore(): Promise<AuthStore> {
    const { config, warn } = this.#options;
    const { db = DATABASE } = config;
    if (db === ':memory:') return new MemoryAuthStore();
    try {
      return await sqliteAuthStore(db);
    } catch (cause) {
      if (!(cause instanceof ClaspError && cause.code === ErrorCode.NotEnabled)) throw cause;
      warn(`users and tokens end with this relay: ${cause.reason}`);
      return new MemoryAuthStore();
    }
  }

  #warnAtStart(): void {
    const { config, host, encrypted, warn } = this.#options;
    const { users, register = 'open' } = config;
    if (register !== false && users === undefined) {
      warn('whoever registers can read and write everything; "auth.users" says what users may');
    }
    if (isLocal(host)) return;
    if (register === 'open') warn('everybody who reaches this port can register; "auth.register" may be "admin"');
    if (!encrypted) warn('tokens and passwords go over the network unencrypted; "tls" or a proxy encrypts them');
  }

  #every(interval: number, work: () => unknown): void {
    const again = () => {
      // What the disk refuses now it may give the next time; nobody waits for it.
      Promise.resolve()
        .then(work)
        .catch(() => undefined)
        .then(() => {
          if (!this.#running.closed) this.#running.add(monotonicScheduler.schedule(again, interval));
        });
    };
    this.#running.add(monotonicScheduler.schedule(again, interval));
  }
}

function anchorOf(anchor: NonNullable<AuthConfig['trustAnchors']>[number]): TrustAnchor | string | Uint8Array {
  if (typeof anchor === 'string') return anchor;
  if ('file' in anchor) return keyOf(anchor);
  const { key, scopes } = anchor;
  return { key: typeof key === 'string' ? key : keyOf(key), ...(scopes && { scopes }) };
}

/** Text or the 32 bytes themselves. */
function keyOf({ file }: { readonly file: string }): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new ClaspError(ErrorCode.BadValue, `auth.trustAnchors: ${file} cannot be read (${code})`, { cause });
  }
}
