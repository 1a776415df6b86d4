import type { Observable } from 'rxjs';
import { type Scope, Scopes } from '../../core/address/scope.ts';
import { readScopes, scopeText } from '../../core/address/scope-within.ts';
import { type Answer, follow, type Steps, wait } from '../../core/answer.ts';
import {
  addressKey,
  isAccountId,
  isAdmin,
  nameFault,
  narrowed,
  passwordFault,
  scopesKey,
  templateScopes,
} from '../../core/auth/account-rules.ts';
import {
  type Account,
  type AuthStore,
  type AuthTables,
  nameKey,
  type TokenRecord,
} from '../../core/auth/auth-store.ts';
import { NOBODYS_PASSWORD, type PasswordHasher } from '../../core/auth/password-hasher.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Value } from '../../core/signal/value.ts';
import { AttemptLimiter } from '../../core/token/attempt-limiter.ts';
import { toHex } from '../../core/token/bytes-text.ts';
import {
  CAPABILITY_MAX_DEPTH,
  type CapabilityGrant,
  inspectCapability,
  type KnownAnchor,
  readTrustAnchor,
  type TrustAnchor,
  verifySteps,
} from '../../core/token/capability.ts';
import { type EntityRights, entitySteps } from '../../core/token/entity-token.ts';
import { newPlainToken, tokenHash, tokenIdOf, tokenKind } from '../../core/token/plain-token.ts';
import type { TokenCrypto } from '../../core/token/token-crypto.ts';
import type { StaticToken } from '../../core/token/token-file.ts';
import { RecentMap } from '../../core/transforms/recent-map.ts';
import { LiveGrants } from './live-grants.ts';

/** What an authority is made of. */
export interface AuthorityOptions {
  readonly store: AuthStore;
  readonly crypto: TokenCrypto;
  readonly passwords: PasswordHasher;
  /** Milliseconds since the Unix epoch, by which tokens expire. */
  readonly now: () => number;
  /** Milliseconds of a clock that never steps, by which attempts are limited. */
  readonly elapsed: () => number;
  /** Seconds that a token of a user or guest lasts; 0: for ever. @defaultValue 86 400 */
  readonly tokenTtl?: number | undefined;
  /** Tokens of the configuration. */
  readonly tokens?: readonly StaticToken[] | undefined;
  /** The token of the administrator, out of its file. */
  readonly adminToken?: string | undefined;
  /** What users may, `{userId}` standing for their id. @defaultValue `read:/**` and `write:/**` */
  readonly users?: readonly string[] | undefined;
  /** What guests may; false: there are none. @defaultValue `read:/**` */
  readonly guests?: readonly string[] | false | undefined;
  /** What who shows no token may. @defaultValue nothing: refused with 300 */
  readonly anonymous?: readonly string[] | undefined;
  /** Who may make users. @defaultValue 'open' */
  readonly register?: 'open' | 'admin' | false | undefined;
  /** Whether anybody may take the id of a living guest, as the published relay lets them. @defaultValue 'own' */
  readonly guestIds?: 'own' | 'open' | undefined;
  /** Bytes. @defaultValue 6 */
  readonly minPassword?: number | undefined;
  /** Whether write does not include read, for entities' namespaces. @defaultValue false */
  readonly strictRead?: boolean | undefined;
  readonly trustAnchors?: readonly (TrustAnchor | string | Uint8Array)[] | undefined;
  /** Links of a capability token. @defaultValue 5 */
  readonly capMaxDepth?: number | undefined;
  /** What the registry knows of an entity. @defaultValue there are none */
  readonly entity?: ((id: string) => Answer<EntityRights | undefined>) | undefined;
  /** Seconds; 0: entity tokens do not age. @defaultValue 0 */
  readonly entityTokenMaxAge?: number | undefined;
  /** Attempts within 60 s. */
  readonly limits?: Partial<AuthLimits> | undefined;
  /** Told what a person should know, as a token that shows a mistake of the configuration; never a secret. */
  readonly hint?: ((text: string) => void) | undefined;
}

/** How often something may be tried within 60 s. */
export interface AuthLimits {
  /** Failed logins from one address. @defaultValue 5 */
  readonly loginsOfAddress: number;
  /** Failed logins to one name. @defaultValue 50 */
  readonly loginsOfName: number;
  /** Users and guests made from one address. @defaultValue 10 */
  readonly registrations: number;
  /** Tokens that were refused, from one address. @defaultValue 60 */
  readonly refusedTokens: number;
}

/** What a token permits, and how it ends. */
export interface AuthGrant {
  readonly scopes: Scopes;
  readonly expiresAt: number | undefined;
  /** Undefined for who shows no token. */
  readonly subject: string | undefined;
  /** Of the token: may stand in logs. */
  readonly id: string | undefined;
  /** Emits once, a `ClaspError` 302, when the right is withdrawn; then completes. To be listened to as long as it is used. */
  readonly ended: Observable<ClaspError>;
}

/** A request of somebody, as HTTP brings it. */
export interface AuthRequest {
  /** Parsed JSON. */
  readonly body?: unknown;
  /** The token it shows. */
  readonly bearer?: string | undefined;
  /** The address of the peer. */
  readonly peer?: string | undefined;
}

/** The answer to a request, as HTTP gives it. */
export interface AuthAnswer {
  readonly status: number;
  /** Undefined: there is none. */
  readonly body?: Value;
  /** Seconds after which to try again. */
  readonly retryAfter?: number;
}

/** Who shows a token. */
interface Holder {
  readonly subject: string | undefined;
  readonly id: string | undefined;
  readonly scopes: readonly Scope[];
  readonly expiresAt: number | undefined;
  readonly account: Account | undefined;
  /** Of a token that was looked up. */
  readonly record: TokenRecord | undefined;
  readonly dependsOn: readonly string[];
}

const MINUTE = 60_000;
/** For how long the old token is good after a refresh. */
const GRACE = 60_000;
const CACHED = 10_000;
const DEFAULT_LIMITS: AuthLimits = { loginsOfAddress: 5, loginsOfName: 50, registrations: 10, refusedTokens: 60 };
const CONFIGURED = 'configured';

/**
 * Says who somebody is and what they may, and looks after users, guests, children and tokens (security.md §1, §2). The
 * same in Node and in a tab. Every method that takes a request gives an answer with an HTTP status and never throws;
 * `authenticate` throws a `ClaspError`.
 */
export function authority(options: AuthorityOptions): Authority {
  return new Authority(options);
}

/** See {@link authority}. */
export class Authority {
  readonly #options: AuthorityOptions;
  readonly #live = new LiveGrants();
  readonly #anchors: readonly KnownAnchor[];
  readonly #anonymous: readonly Scope[] | undefined;
  readonly #loginsOfAddress: AttemptLimiter;
  readonly #loginsOfName: AttemptLimiter;
  readonly #registrations: AttemptLimiter;
  readonly #refused: AttemptLimiter;
  /** Capability tokens that were found good, by the hash of their text. */
  #verified = new RecentMap<string, CapabilityGrant>(CACHED);
  /** Links of capability tokens whose signatures were found good. */
  readonly #proven = new RecentMap<string, true>(CACHED);
  /** Until when each id or key is revoked; undefined before it was read. */
  #revoked: ReadonlyMap<string, number | undefined> | undefined;
  #static: readonly StaticToken[];
  #adminToken: string | undefined;
  /** The tokens of the configuration by their hashes; undefined before they were hashed. */
  #configured: Configured | undefined;

  constructor(options: AuthorityOptions) {
    this.#options = options;
    const { trustAnchors = [], anonymous, users = [], guests, tokens = [], adminToken } = options;
    this.#anchors = trustAnchors.map(readTrustAnchor);
    this.#anonymous = anonymous && readScopes(anonymous);
    // A template that does not parse is a mistake at start, not one of whoever logs in first.
    for (const template of [users, guests || []]) templateScopes(template, 'id');
    this.#static = tokens;
    this.#adminToken = adminToken;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const limiter = (limit: number) => new AttemptLimiter({ limit, window: MINUTE });
    this.#loginsOfAddress = limiter(limits.loginsOfAddress);
    this.#loginsOfName = limiter(limits.loginsOfName);
    this.#registrations = limiter(limits.registrations);
    this.#refused = limiter(limits.refusedTokens);
  }

  /** How many grants are in use. */
  get liveGrants(): number {
    return this.#live.size;
  }

  /**
   * What the bearer of a token may do; without one, what `anonymous` says. Throws (or rejects with) a `ClaspError`: 300
   * for no token or one that is not good, 302 for one that has expired, 429 for an address of which too many were not.
   */
  authenticate(token: string | undefined, peer?: string | undefined): Answer<AuthGrant> {
    return follow(this.#authenticated(token, peer));
  }

  /** Whether a token is for this authority to judge: one of the configuration, or of a kind that is known here. */
  takes(token: string | undefined): Answer<boolean> {
    return follow(this.#takes(token));
  }

  *#takes(token: string | undefined): Steps<boolean> {
    if (token === undefined || token === '') return this.#anonymous !== undefined;
    const kind = tokenKind(token);
    if (kind !== 'foreign') return true;
    const hash = yield* wait(tokenHash(token, this.#options.crypto));
    return (yield* this.#configuredTokens()).has(hash);
  }

  *#authenticated(token: string | undefined, peer: string | undefined): Steps<AuthGrant> {
    const key = peer === undefined ? undefined : addressKey(peer);
    const { elapsed } = this.#options;
    if (key !== undefined && this.#refused.wait(key, elapsed()) > 0) {
      throw new ClaspError(ErrorCode.TooMany, 'Too many refused tokens from this address');
    }
    const since = this.#live.moment;
    let holder: Holder;
    try {
      holder = yield* this.#holder(token);
    } catch (cause) {
      if (key !== undefined) this.#refused.count(key, elapsed());
      throw cause;
    }
    const { subject, id, scopes, expiresAt, dependsOn } = holder;
    const before = scopesKey(scopes);
    const ended = this.#live.ended(dependsOn, () => follow(this.#endOf(token, before)), since);
    return { scopes: new Scopes(scopes), expiresAt, subject, id, ended };
  }

  /** Why a grant that was given with these scopes holds no longer; undefined while it does. */
  *#endOf(token: string | undefined, before: string): Steps<ClaspError | undefined> {
    let scopes: readonly Scope[];
    try {
      ({ scopes } = yield* this.#holder(token));
    } catch (cause) {
      if (!(cause instanceof ClaspError)) throw cause;
      if (cause.code === ErrorCode.TokenExpired) return new ClaspError(ErrorCode.TokenExpired, 'token expired');
      if (cause.code !== ErrorCode.NotAuthenticated) throw cause;
      return new ClaspError(ErrorCode.TokenExpired, 'token revoked');
    }
    return scopesKey(scopes) === before ? undefined : new ClaspError(ErrorCode.TokenExpired, 'rights changed');
  }

  /** Who shows this token. Throws a `ClaspError` 300 or 302. */
  *#holder(token: string | undefined): Steps<Holder> {
    const { crypto, now } = this.#options;
    if (token === undefined || token === '') {
      if (!this.#anonymous) throw notAuthenticated('not authenticated: a token is needed');
      return { ...nobody, scopes: this.#anonymous };
    }
    const kind = tokenKind(token);
    if (kind === 'too long') throw notAuthenticated('token is too long');
    const hash = yield* wait(tokenHash(token, crypto));
    const configured = (yield* this.#configuredTokens()).get(hash);
    if (configured) {
      const { expiresAt, scopes } = configured.token;
      if (expiresAt !== undefined && now() >= expiresAt) throw expired();
      const id = tokenIdOf(hash);
      return {
        ...nobody,
        subject: configured.subject,
        id,
        scopes: readScopes(scopes),
        expiresAt,
        dependsOn: [CONFIGURED],
      };
    }
    switch (kind) {
      case 'plain':
        return yield* wait(this.#options.store.read((tables) => this.#plain(tables, hash)));
      case 'capability':
        return yield* this.#capability(token, hash);
      case 'entity':
        return yield* this.#entity(token);
      default:
        throw notAuthenticated('token is not known');
    }
  }

  *#configuredTokens(): Steps<Configured> {
    if (this.#configured) return this.#configured;
    const { crypto } = this.#options;
    const configured = new Map<string, { subject: string; token: StaticToken }>();
    const [tokens, adminToken] = [this.#static, this.#adminToken];
    for (const token of tokens) {
      const hash = token.sha256 ?? (yield* wait(tokenHash(token.token ?? '', crypto)));
      configured.set(hash, { subject: `static:${token.name ?? tokenIdOf(hash)}`, token });
    }
    if (adminToken !== undefined) {
      const hash = yield* wait(tokenHash(adminToken, crypto));
      const token = { token: undefined, sha256: hash, scopes: ['admin:/**'], name: undefined, expiresAt: undefined };
      configured.set(hash, { subject: 'admin:file', token });
    }
    // Not where they were changed meanwhile.
    if (tokens === this.#static && adminToken === this.#adminToken) this.#configured = configured;
    return configured;
  }

  *#plain(tables: AuthTables, hash: string): Steps<Holder> {
    const record = yield* wait(tables.token(hash));
    if (!record) throw notAuthenticated('token is not known');
    const { expiresAt, subject } = record;
    if (expiresAt !== undefined && this.#options.now() >= expiresAt) throw expired();
    const account = yield* wait(tables.account(subject));
    if (account?.disabled) throw notAuthenticated('User is disabled');
    const id = tokenIdOf(hash);
    const dependsOn = [tokenKey(hash), accountKey(subject)];
    if (record.issued) {
      const scopes = readScopes(record.scopes ?? []);
      return { subject, id, scopes, expiresAt, account, record, dependsOn };
    }
    if (!account) throw notAuthenticated('token is not known');
    const scopes = narrowed(record.scopes, yield* this.#rights(tables, account));
    const parent = account.parent === undefined ? [] : [accountKey(account.parent)];
    return { subject, id, scopes, expiresAt, account, record, dependsOn: [...dependsOn, ...parent] };
  }

  /** What an account may now. Throws a `ClaspError` 300 for a child whose parent is gone or disabled. */
  *#rights(tables: AuthTables, account: Account): Steps<readonly Scope[]> {
    const { users = ['read:/**', 'write:/**'], guests } = this.#options;
    if (account.kind === 'child') {
      const parent = account.parent === undefined ? undefined : yield* wait(tables.account(account.parent));
      if (!parent || parent.disabled) throw notAuthenticated('the parent is disabled');
      return narrowed(account.scopes ?? [], yield* this.#rights(tables, parent));
    }
    if (account.scopes) return readScopes(account.scopes);
    if (account.kind === 'user') return templateScopes(users, account.id);
    // Guests of before they were turned off are none any more.
    if (guests === false) throw notAuthenticated('guests are off');
    return templateScopes(guests ?? ['read:/**'], account.id);
  }

  *#capability(token: string, hash: string): Steps<Holder> {
    const { crypto, now, capMaxDepth = CAPABILITY_MAX_DEPTH, hint } = this.#options;
    const revoked = yield* this.#revocations();
    // A revocation during the work below leaves another map here.
    const verified = this.#verified;
    let grant = verified.get(hash);
    if (!grant) {
      const verdict = yield* verifySteps(token, {
        anchors: this.#anchors,
        maxDepth: capMaxDepth,
        now: now(),
        crypto,
        revoked: (id) => revoked.has(id),
        proven: this.#proven,
      });
      if (!verdict.valid) {
        if (verdict.hint !== undefined) hint?.(verdict.hint);
        throw verdict.error;
      }
      grant = verdict;
      verified.set(hash, grant);
    }
    if (now() >= grant.expiresAt) throw expired();
    const { id, scopes, expiresAt, dependsOn } = grant;
    return { ...nobody, subject: `cap:${id}`, id, scopes, expiresAt, dependsOn };
  }

  *#entity(token: string): Steps<Holder> {
    const { crypto, now, entity = () => undefined, entityTokenMaxAge, strictRead } = this.#options;
    const verdict = yield* entitySteps(token, {
      find: entity,
      now: now(),
      maxAge: entityTokenMaxAge,
      strictRead,
      crypto,
    });
    if (!verdict.valid) throw verdict.error;
    const { id, scopes } = verdict;
    return { ...nobody, subject: id, id, scopes, dependsOn: [entityKey(id)] };
  }

  *#revocations(): Steps<ReadonlyMap<string, number | undefined>> {
    if (!this.#revoked) {
      const kept = yield* wait(this.#options.store.read((tables) => wait(tables.revocations())));
      this.#revoked = new Map(kept.map(({ id, expiresAt }) => [id, expiresAt]));
    }
    return this.#revoked;
  }

  /** `POST /auth/register`: a user, or with a bearer and no password a child of whose token that is. */
  register(request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      const body = fieldsOf(request.body);
      if (request.bearer !== undefined && body['password'] === undefined)
        return yield* this.#child(request.bearer, body);
      return yield* this.#register(request, body);
    });
  }

  *#register({ bearer, peer }: AuthRequest, body: Fields): Steps<AuthAnswer> {
    const { register = 'open', minPassword = 6, passwords, store, now } = this.#options;
    if (register === false) throw forbidden('Registration is off');
    if (register === 'admin') yield* this.#admin(bearer);
    this.#countRegistration(peer);
    const username = textOf(body, 'username').trim();
    const fault = nameFault(username) ?? passwordFault(textOf(body, 'password'), minPassword);
    if (fault !== undefined) throw badRequest(fault);
    const asked = askedScopes(body);
    const id = this.#idOf(body);
    const own = yield* this.#subjectOf(bearer);
    // Before the work of hashing, and once more when it is done.
    yield* wait(store.read((tables) => this.#free(tables, { id, username, own })));
    const passwordHash = yield* wait(passwords.hash(textOf(body, 'password')));
    const token = newPlainToken(this.#options.crypto);
    const hash = yield* wait(tokenHash(token, this.#options.crypto));
    const self = this;
    const account: Account = {
      id,
      kind: 'user',
      name: username,
      passwordHash,
      parent: undefined,
      scopes: undefined,
      disabled: false,
      createdAt: now(),
      expiresAt: undefined,
    };
    const answer = yield* wait(
      store.write(function* (tables) {
        yield* self.#free(tables, { id, username, own });
        yield* dropAccount(tables, id);
        return yield* self.#keepAccount(tables, account, { token, hash, asked });
      }),
    );
    this.#live.withdrawn([accountKey(id)]);
    return answer;
  }

  /** `POST /auth/guest`. */
  guest(request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      const { guests, store, now, crypto } = this.#options;
      const body = fieldsOf(request.body);
      if (guests === false) throw forbidden('Guests are off');
      this.#countRegistration(request.peer);
      const id = this.#idOf(body);
      const name = body['name'] === undefined ? `guest-${id.slice(-6)}` : textOf(body, 'name').trim();
      const fault = nameFault(name);
      if (fault !== undefined) throw badRequest(fault);
      const asked = askedScopes(body);
      const own = yield* this.#subjectOf(request.bearer);
      const token = newPlainToken(crypto);
      const hash = yield* wait(tokenHash(token, crypto));
      const self = this;
      const account: Account = {
        id,
        kind: 'guest',
        name,
        passwordHash: '',
        parent: undefined,
        scopes: undefined,
        disabled: false,
        createdAt: now(),
        expiresAt: this.#expiry(),
      };
      return yield* wait(
        store.write(function* (tables) {
          yield* self.#free(tables, { id, own });
          return yield* self.#keepAccount(tables, account, { token, hash, asked });
        }),
      );
    });
  }

  *#child(bearer: string, body: Fields): Steps<AuthAnswer> {
    const { store, now, crypto } = this.#options;
    const parent = yield* this.#holder(bearer);
    if (parent.account?.kind !== 'user') throw forbidden('only users have children');
    const name = textOf(body, 'name').trim();
    const fault = nameFault(name);
    if (fault !== undefined) throw badRequest(fault);
    const scopes = narrowed(askedScopes(body), parent.scopes);
    if (scopes.length === 0) throw forbidden('none of the scopes is within those of the parent');
    const expiresAt = this.#lifetime(body);
    const token = newPlainToken(crypto);
    const hash = yield* wait(tokenHash(token, crypto));
    const account: Account = {
      id: this.#newId(),
      kind: 'child',
      name,
      passwordHash: '',
      parent: parent.account.id,
      scopes: scopes.map(scopeText),
      disabled: false,
      createdAt: now(),
      expiresAt: undefined,
    };
    return yield* wait(
      store.write((tables) => this.#keepAccount(tables, account, { token, hash, asked: undefined, expiresAt })),
    );
  }

  /** `POST /auth/login`. */
  login(request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      const { store, crypto } = this.#options;
      const body = fieldsOf(request.body);
      const name = textOf(body, 'username').trim();
      const account = yield* this.#checkedPassword(name, textOf(body, 'password'), request.peer);
      if (account.disabled) throw forbidden('User is disabled');
      const token = newPlainToken(crypto);
      const hash = yield* wait(tokenHash(token, crypto));
      const self = this;
      return yield* wait(
        store.write(function* (tables) {
          const now = yield* wait(tables.account(account.id));
          if (!now || now.passwordHash !== account.passwordHash) throw wrongPassword();
          return yield* self.#keepToken(tables, now, { token, hash, asked: undefined });
        }),
      );
    });
  }

  /** The user of this name and password. Throws a `ClaspError` 300, the same for either fault, or 429. */
  *#checkedPassword(name: string, password: string, peer: string | undefined): Steps<Account> {
    const { store, passwords, elapsed } = this.#options;
    const address = peer === undefined ? undefined : addressKey(peer);
    const key = nameKey(name);
    this.#limit(this.#loginsOfAddress, address, 'Too many failed logins from this address');
    this.#limit(this.#loginsOfName, key, 'Too many failed logins to this name');
    // Counted before it is known how it ends: many at the same moment are not one guess.
    if (address !== undefined) this.#loginsOfAddress.count(address, elapsed());
    this.#loginsOfName.count(key, elapsed());
    const account = yield* wait(store.read((tables) => wait(tables.userNamed(name))));
    const long = passwordFault(password, 0) !== undefined;
    const verdict = yield* wait(passwords.verify(long ? '' : password, account?.passwordHash ?? NOBODYS_PASSWORD));
    if (!account || long || verdict === 'wrong') throw wrongPassword();
    if (address !== undefined) this.#loginsOfAddress.forgive(address);
    this.#loginsOfName.clear(key);
    return verdict === 'right' ? account : yield* this.#keptAnew(account, password);
  }

  /** A password that was kept with less than today's settings is kept with them. */
  *#keptAnew(account: Account, password: string): Steps<Account> {
    const { store, passwords } = this.#options;
    const passwordHash = yield* wait(passwords.hash(password));
    return yield* wait(
      store.write(function* (tables) {
        const now = yield* wait(tables.account(account.id));
        if (!now || now.passwordHash !== account.passwordHash) throw wrongPassword();
        const anew = { ...now, passwordHash };
        yield* wait(tables.putAccount(anew));
        return anew;
      }),
    );
  }

  /** `POST /auth/refresh`: a new token; the old one ends after 60 s. */
  refresh(request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      const { store, now, crypto } = this.#options;
      const { account, record } = yield* this.#holder(required(request.bearer));
      if (!account || !record || record.issued) throw forbidden('this token is not refreshed');
      const token = newPlainToken(crypto);
      const hash = yield* wait(tokenHash(token, crypto));
      const lasting = account.kind === 'child' && record.expiresAt === undefined;
      const self = this;
      return yield* wait(
        store.write(function* (tables) {
          const still = yield* wait(tables.token(record.hash));
          if (!still) throw notAuthenticated('token is not known');
          const end = Math.min(still.expiresAt ?? Number.POSITIVE_INFINITY, now() + GRACE);
          yield* wait(tables.putToken({ ...still, expiresAt: end }));
          const expiresAt = lasting ? undefined : self.#expiry();
          if (account.kind === 'guest') yield* wait(tables.putAccount({ ...account, expiresAt }));
          return yield* self.#keepToken(tables, account, { token, hash, asked: still.scopes, expiresAt });
        }),
      );
    });
  }

  /** `POST /auth/logout`: this token ends, or with `all` every one of its account. */
  logout(request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      const { record, account } = yield* this.#holder(required(request.bearer));
      if (!record) throw forbidden('this token is not logged out');
      const all = fieldsOf(request.body ?? {})['all'] === true && account !== undefined;
      yield* wait(
        this.#options.store.write(function* (tables) {
          const ending = all ? yield* wait(tables.tokens(record.subject)) : [record];
          for (const { hash } of ending) yield* wait(tables.dropToken(hash));
          if (account?.kind !== 'guest') return;
          // With its last token a guest is gone, and its id is free.
          if ((yield* wait(tables.tokens(account.id))).length === 0) yield* wait(tables.dropAccount(account.id));
        }),
      );
      this.#live.withdrawn([all ? accountKey(record.subject) : tokenKey(record.hash)]);
      return { status: 204 };
    });
  }

  /** `GET /auth/me`. */
  me(request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      const { subject, account, scopes, expiresAt } = yield* this.#holder(required(request.bearer));
      const kind = account?.kind ?? (subject?.includes(':') ? (subject.split(':')[0] ?? '') : 'token');
      const body = { user_id: subject ?? '', username: account?.name ?? subject ?? '', kind };
      return { status: 200, body: { ...body, scopes: scopes.map(scopeText), expires_at: seconds(expiresAt) } };
    });
  }

  /** `POST /auth/password`: every other token of the user ends. */
  password(request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      const { minPassword = 6, passwords, store } = this.#options;
      const body = fieldsOf(request.body);
      const { account, record } = yield* this.#holder(required(request.bearer));
      if (account?.kind !== 'user' || !record) throw forbidden('only users have a password');
      const fresh = textOf(body, 'new_password');
      const fault = passwordFault(fresh, minPassword);
      if (fault !== undefined) throw badRequest(fault);
      const checked = yield* this.#checkedPassword(account.name, textOf(body, 'password'), request.peer);
      if (checked.id !== account.id) throw wrongPassword();
      const passwordHash = yield* wait(passwords.hash(fresh));
      yield* wait(
        store.write(function* (tables) {
          const now = yield* wait(tables.account(account.id));
          if (!now || now.passwordHash !== checked.passwordHash) throw wrongPassword();
          yield* wait(tables.putAccount({ ...now, passwordHash }));
          for (const { hash } of yield* wait(tables.tokens(account.id))) {
            if (hash !== record.hash) yield* wait(tables.dropToken(hash));
          }
        }),
      );
      this.#live.withdrawn([accountKey(account.id)]);
      return { status: 200, body: { user_id: account.id, username: account.name } };
    });
  }

  /** `GET /api/users`, for administrators; the children of its own for a user. */
  users(request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      yield* this.#admin(request.bearer);
      const accounts = yield* wait(this.#options.store.read((tables) => wait(tables.accounts())));
      return { status: 200, body: accounts.map(shown) };
    });
  }

  /** The children of whose token it is. */
  children(request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      const { account } = yield* this.#holder(required(request.bearer));
      if (account?.kind !== 'user') throw forbidden('only users have children');
      const children = yield* wait(this.#options.store.read((tables) => wait(tables.accounts(account.id))));
      return { status: 200, body: children.map(shown) };
    });
  }

  /** `PUT /api/users/{id}`, for administrators; a parent may disable its child and enable it again. */
  changeUser(id: string, request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      const body = fieldsOf(request.body);
      const asking = yield* this.#holder(required(request.bearer));
      const admin = isAdmin(asking.scopes);
      const { disabled, scopes, username } = body;
      if (disabled !== undefined && typeof disabled !== 'boolean') throw badRequest('"disabled" must be true or false');
      if (scopes !== undefined && scopes !== null) readScopes(scopes);
      const name = username === undefined ? undefined : textOf(body, 'username').trim();
      const fault = name === undefined ? undefined : nameFault(name);
      if (fault !== undefined) throw badRequest(fault);
      const changed = yield* wait(
        this.#options.store.write(function* (tables) {
          const account = yield* wait(tables.account(id));
          const own = account?.parent !== undefined && account.parent === asking.account?.id;
          if (!admin && !(own && scopes === undefined && username === undefined)) throw forbidden('admin is needed');
          if (!account) throw notFound(id);
          if (name !== undefined && account.kind === 'user') {
            const other = yield* wait(tables.userNamed(name));
            if (other && other.id !== id) throw taken('Username is taken');
          }
          const anew: Account = {
            ...account,
            name: name ?? account.name,
            disabled: disabled ?? account.disabled,
            scopes:
              scopes === undefined ? account.scopes : scopes === null ? undefined : readScopes(scopes).map(scopeText),
          };
          yield* wait(tables.putAccount(anew));
          return anew;
        }),
      );
      this.#live.withdrawn([accountKey(id)]);
      return { status: 200, body: shown(changed) };
    });
  }

  /** `DELETE /api/users/{id}`, for administrators and for the parent of a child. */
  removeUser(id: string, request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      const asking = yield* this.#holder(required(request.bearer));
      const dropped = yield* wait(
        this.#options.store.write(function* (tables) {
          const account = yield* wait(tables.account(id));
          const own = account?.parent !== undefined && account.parent === asking.account?.id;
          if (!isAdmin(asking.scopes) && !own) throw forbidden('admin is needed');
          if (!account) throw notFound(id);
          return yield* dropAccount(tables, id);
        }),
      );
      this.#live.withdrawn(dropped.map(accountKey));
      return { status: 200, body: { id, status: 'deleted' } };
    });
  }

  /** `POST /api/tokens`, for administrators: the token is shown this once. */
  issueToken(request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      const { crypto, now, store } = this.#options;
      yield* this.#admin(request.bearer);
      const body = fieldsOf(request.body);
      if (body['scopes'] === undefined) throw badRequest('"scopes" is missing');
      const scopes = readScopes(body['scopes']).map(scopeText);
      const name = body['name'] === undefined ? undefined : textOf(body, 'name');
      const expiresAt = this.#lifetime(body);
      const token = newPlainToken(crypto);
      const hash = yield* wait(tokenHash(token, crypto));
      const id = tokenIdOf(hash);
      const subject = body['subject'] === undefined ? `static:${name ?? id}` : textOf(body, 'subject');
      if (body['subject'] !== undefined && !isAccountId(subject)) throw badRequest('"subject" must be an id');
      const record = { hash, subject, issued: true, scopes, name, createdAt: now(), expiresAt };
      yield* wait(store.write((tables) => wait(tables.putToken(record))));
      return { status: 201, body: { token, id, subject, scopes, expires_at: seconds(expiresAt) } };
    });
  }

  /** `GET /api/tokens?subject=`, for administrators: ids, never tokens. */
  tokens(request: AuthRequest, subject?: string): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      yield* this.#admin(request.bearer);
      const records = yield* wait(this.#options.store.read((tables) => wait(tables.tokens(subject))));
      return { status: 200, body: records.map(shownToken) };
    });
  }

  /** `DELETE /api/tokens/{id}`, for administrators. */
  revokeToken(id: string, request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      yield* this.#admin(request.bearer);
      const dropped = yield* wait(
        this.#options.store.write(function* (tables) {
          const records = yield* wait(tables.tokens());
          const record = records.find(({ hash }) => tokenIdOf(hash) === id);
          if (!record) throw notFound(id);
          yield* wait(tables.dropToken(record.hash));
          return record;
        }),
      );
      this.#live.withdrawn([tokenKey(dropped.hash)]);
      return { status: 200, body: { id, status: 'revoked' } };
    });
  }

  /** `POST /api/revocations` `{token | id | issuer}`, for administrators: a capability token, or all that a key signed. */
  revoke(request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      const { crypto, now, store } = this.#options;
      yield* this.#admin(request.bearer);
      const body = fieldsOf(request.body);
      const given = ['token', 'id', 'issuer'].filter((field) => body[field] !== undefined);
      if (given.length !== 1) throw badRequest('one of "token", "id" and "issuer" is needed');
      let id = textOf(body, given[0] as string).toLowerCase();
      let expiresAt: number | undefined;
      if (given[0] === 'token') {
        const contents = yield* wait(inspected(textOf(body, 'token'), crypto));
        id = contents.id;
        expiresAt = contents.expiresAt * 1000;
      } else if (!(given[0] === 'id' ? /^[0-9a-f]{32}$/ : /^[0-9a-f]{64}$/).test(id)) {
        throw badRequest(`"${given[0]}" must have ${given[0] === 'id' ? 32 : 64} hex digits`);
      }
      const revocation = { id, createdAt: now(), expiresAt };
      yield* wait(store.write((tables) => wait(tables.putRevocation(revocation))));
      this.#forgetVerified();
      this.#live.withdrawn([id]);
      return { status: 201, body: { id, created_at: seconds(revocation.createdAt), expires_at: seconds(expiresAt) } };
    });
  }

  /** `GET /api/revocations`, for administrators. */
  revocations(request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      yield* this.#admin(request.bearer);
      const kept = yield* wait(this.#options.store.read((tables) => wait(tables.revocations())));
      const body = kept.map(({ id, createdAt, expiresAt }) => {
        return { id, created_at: seconds(createdAt), expires_at: seconds(expiresAt) };
      });
      return { status: 200, body };
    });
  }

  /** `DELETE /api/revocations/{id}`, for administrators. */
  withdrawRevocation(id: string, request: AuthRequest): Answer<AuthAnswer> {
    return this.#answer(function* (this: Authority): Steps<AuthAnswer> {
      yield* this.#admin(request.bearer);
      yield* wait(
        this.#options.store.write(function* (tables) {
          if (!(yield* wait(tables.revocations())).some((kept) => kept.id === id)) throw notFound(id);
          yield* wait(tables.dropRevocation(id));
        }),
      );
      this.#forgetVerified();
      return { status: 200, body: { id, status: 'deleted' } };
    });
  }

  /** `GET /api/trust-anchors`: for everybody. */
  trustAnchors(): AuthAnswer {
    const anchors = this.#anchors.map(({ key }) => toHex(key));
    return { status: 200, body: { anchors, cap_max_depth: this.#options.capMaxDepth ?? CAPABILITY_MAX_DEPTH } };
  }

  /** Takes the tokens of the configuration, and the administrator's, as they are now; what is gone ends. */
  reconfigure(tokens: readonly StaticToken[], adminToken: string | undefined): void {
    this.#static = tokens;
    this.#adminToken = adminToken;
    this.#configured = undefined;
    this.#live.withdrawn([CONFIGURED]);
  }

  /** To be told when the rights of an entity have changed: its sessions end where they must. */
  entityChanged(id: string): void {
    this.#live.withdrawn([entityKey(id)]);
  }

  /** Looks whether another process has changed something, and ends what must end. To be called every few seconds. */
  lookElsewhere(): Answer<void> {
    return follow(this.#lookElsewhere());
  }

  *#lookElsewhere(): Steps<void> {
    if (!(yield* wait(this.#options.store.changedElsewhere()))) return;
    this.#forgetVerified();
    this.#live.withdrawn();
  }

  /** Forgets what has expired: tokens, guests, revocations. Gives how much that was. To be called now and then. */
  prune(): Answer<number> {
    const now = this.#options.now();
    const over = ({ expiresAt }: { readonly expiresAt: number | undefined }) =>
      expiresAt !== undefined && expiresAt <= now;
    return this.#options.store.write(function* (tables) {
      let forgotten = 0;
      for (const record of yield* wait(tables.tokens())) {
        if (!over(record)) continue;
        yield* wait(tables.dropToken(record.hash));
        forgotten++;
      }
      for (const account of yield* wait(tables.accounts())) {
        if (!over(account)) continue;
        yield* wait(tables.dropAccount(account.id));
        forgotten++;
      }
      for (const revocation of yield* wait(tables.revocations())) {
        if (!over(revocation)) continue;
        yield* wait(tables.dropRevocation(revocation.id));
        forgotten++;
      }
      return forgotten;
    });
  }

  #forgetVerified(): void {
    this.#revoked = undefined;
    this.#verified = new RecentMap(CACHED);
  }

  /** Throws a `ClaspError` 400 where a name or an id belongs to somebody else. */
  *#free(
    tables: AuthTables,
    { id, username, own }: { readonly id: string; readonly username?: string; readonly own: string | undefined },
  ): Steps<void> {
    const { guestIds = 'own', now } = this.#options;
    const account = yield* wait(tables.account(id));
    if (account && account.kind !== 'guest') throw taken('identity belongs to a registered user');
    const living = account !== undefined && (account.expiresAt === undefined || account.expiresAt > now());
    if (living && guestIds === 'own' && own !== id) throw taken('identity belongs to a registered guest');
    if (username !== undefined && (yield* wait(tables.userNamed(username)))) throw taken('Username is taken');
  }

  *#keepAccount(tables: AuthTables, account: Account, token: NewToken): Steps<AuthAnswer> {
    yield* wait(tables.putAccount(account));
    return yield* this.#keepToken(tables, account, token);
  }

  /** Keeps a token of an account and answers with it. */
  *#keepToken(tables: AuthTables, account: Account, given: NewToken): Steps<AuthAnswer> {
    const { token, hash, asked } = given;
    const expiresAt = 'expiresAt' in given ? given.expiresAt : this.#expiry();
    const rights = narrowed(asked, yield* this.#rights(tables, account));
    if (asked && rights.length === 0) throw forbidden('none of the scopes asked for may be given');
    const scopes = rights.map(scopeText);
    const record = {
      hash,
      subject: account.id,
      issued: false,
      name: undefined,
      createdAt: this.#options.now(),
      expiresAt,
    };
    yield* wait(tables.putToken({ ...record, scopes: asked && scopes }));
    const { id, name } = account;
    return {
      status: 200,
      body: { token, user_id: id, username: name, session_id: id, scopes, expires_at: seconds(expiresAt) },
    };
  }

  /** Whose token it is; undefined where there is none, or one that is no longer good. */
  *#subjectOf(bearer: string | undefined): Steps<string | undefined> {
    if (bearer === undefined) return undefined;
    try {
      return (yield* this.#holder(bearer)).subject;
    } catch (cause) {
      if (cause instanceof ClaspError && STATUS.get(cause.code) === 401) return undefined;
      throw cause;
    }
  }

  *#admin(bearer: string | undefined): Steps<void> {
    const { scopes } = yield* this.#holder(required(bearer));
    if (!isAdmin(scopes)) throw forbidden('admin on every address is needed');
  }

  #countRegistration(peer: string | undefined): void {
    if (peer === undefined) return;
    const key = addressKey(peer);
    this.#limit(this.#registrations, key, 'Too many registrations from this address');
    this.#registrations.count(key, this.#options.elapsed());
  }

  #limit(limiter: AttemptLimiter, key: string | undefined, reason: string): void {
    const left = key === undefined ? 0 : limiter.wait(key, this.#options.elapsed());
    if (left > 0) throw new ClaspError(ErrorCode.TooMany, reason, { value: left });
  }

  #idOf(body: Fields): string {
    const id = body['user_id'];
    if (id === undefined || id === null) return this.#newId();
    if (!isAccountId(id)) throw badRequest('user_id must have 1 to 64 letters, digits, "_" or "-"');
    return id;
  }

  #newId(): string {
    const { now, crypto } = this.#options;
    return `u-${Math.floor(now())}-${toHex(crypto.randomBytes(4))}`;
  }

  #expiry(): number | undefined {
    const { tokenTtl = 86_400, now } = this.#options;
    return tokenTtl === 0 ? undefined : now() + tokenTtl * 1000;
  }

  #lifetime(body: Fields): number | undefined {
    const asked = body['expires_in'];
    if (asked === undefined || asked === null) return undefined;
    if (typeof asked !== 'number' || !(asked > 0) || !Number.isFinite(asked)) {
      throw badRequest('"expires_in" must be seconds');
    }
    return this.#options.now() + Math.floor(asked * 1000);
  }

  #answer(work: (this: Authority) => Steps<AuthAnswer>): Answer<AuthAnswer> {
    return follow(answered(work.call(this)));
  }
}

type Configured = ReadonlyMap<string, { readonly subject: string; readonly token: StaticToken }>;

interface NewToken {
  readonly token: string;
  readonly hash: string;
  readonly asked: readonly string[] | undefined;
  /** Where it does not last as long as others of its kind. */
  readonly expiresAt?: number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const nobody = {
  subject: undefined,
  id: undefined,
  expiresAt: undefined,
  account: undefined,
  record: undefined,
  dependsOn: [],
} as const;

/** The status of each code that this module throws. */
const STATUS: ReadonlyMap<number, number> = new Map([
  [ErrorCode.NotAuthenticated, 401],
  [ErrorCode.TokenExpired, 401],
  [ErrorCode.Forbidden, 403],
  [ErrorCode.BadValue, 400],
  [ErrorCode.BadPattern, 400],
  [ErrorCode.NotFound, 404],
  [ErrorCode.Conflict, 409],
  [ErrorCode.TooMany, 429],
  [ErrorCode.Overloaded, 503],
]);

function* answered(work: Steps<AuthAnswer>): Steps<AuthAnswer> {
  try {
    return yield* work;
  } catch (cause) {
    const status = cause instanceof ClaspError ? STATUS.get(cause.code) : undefined;
    // What a database says is for the log of the relay, not for a stranger.
    if (status === undefined) return { status: 500, body: { error: 'internal error', code: ErrorCode.Internal } };
    const { code, reason, value } = cause as ClaspError;
    const body = { error: reason, code };
    return status === 429
      ? { status, body, retryAfter: Math.max(1, Math.ceil(Number(value) / 1000)) }
      : { status, body };
  }
}

/** Drops an account with its children and all their tokens; gives their ids. */
function* dropAccount(tables: AuthTables, id: string): Steps<string[]> {
  const dropped = [id];
  for (const child of yield* wait(tables.accounts(id))) dropped.push(...(yield* dropAccount(tables, child.id)));
  for (const { hash } of yield* wait(tables.tokens(id))) yield* wait(tables.dropToken(hash));
  yield* wait(tables.dropAccount(id));
  return dropped;
}

function inspected(token: string, crypto: TokenCrypto): ReturnType<typeof inspectCapability> {
  try {
    return inspectCapability(token, crypto);
  } catch (cause) {
    throw badRequest(cause instanceof ClaspError ? cause.reason : 'not a capability token');
  }
}

function shown({ id, kind, name, parent, scopes, disabled, createdAt }: Account): Value {
  return {
    user_id: id,
    username: name,
    kind,
    parent: parent ?? null,
    scopes: scopes ?? null,
    disabled,
    created_at: seconds(createdAt),
  };
}

function shownToken({ hash, subject, scopes, name, createdAt, expiresAt }: TokenRecord): Value {
  return {
    id: tokenIdOf(hash),
    subject,
    name: name ?? null,
    scopes: scopes ?? null,
    created_at: seconds(createdAt),
    expires_at: seconds(expiresAt),
  };
}

function seconds(time: number | undefined): number | null {
  return time === undefined ? null : Math.floor(time / 1000);
}

function fieldsOf(body: unknown): Fields {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badRequest('the body must be a JSON object');
  return body as Fields;
}

function textOf(body: Fields, field: string): string {
  const value = Object.hasOwn(body, field) ? body[field] : undefined;
  if (typeof value === 'string') return value;
  const name = field === 'username' ? 'Username' : field === 'password' ? 'Password' : `"${field}"`;
  throw badRequest(`${name} must be a text`);
}

function askedScopes(body: Fields): readonly string[] | undefined {
  const { scopes } = body;
  return scopes === undefined || scopes === null ? undefined : readScopes(scopes).map(scopeText);
}

function required(bearer: string | undefined): string {
  if (bearer === undefined || bearer === '') throw notAuthenticated('not authenticated: a token is needed');
  return bearer;
}

function tokenKey(hash: string): string {
  return `token ${hash}`;
}

function accountKey(id: string): string {
  return `account ${id}`;
}

function entityKey(id: string): string {
  return `entity ${id}`;
}

function expired(): ClaspError {
  return new ClaspError(ErrorCode.TokenExpired, 'token expired');
}

function notAuthenticated(reason: string): ClaspError {
  return new ClaspError(ErrorCode.NotAuthenticated, reason);
}

function wrongPassword(): ClaspError {
  return notAuthenticated('Invalid username or password');
}

function forbidden(reason: string): ClaspError {
  return new ClaspError(ErrorCode.Forbidden, reason);
}

function badRequest(reason: string): ClaspError {
  return new ClaspError(ErrorCode.BadValue, reason);
}

function notFound(id: string): ClaspError {
  return new ClaspError(ErrorCode.NotFound, 'not found', { value: id });
}

function taken(reason: string): ClaspError {
  return new ClaspError(ErrorCode.Conflict, reason);
}
