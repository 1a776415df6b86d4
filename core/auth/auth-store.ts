import { type Answer, followNow, type Steps } from '../answer.ts';

/** Somebody or something that logs in: a person with a password, a guest, or a device that belongs to one of them. */
export interface Account {
  /** `[A-Za-z0-9_-]{1,64}`; the subject of its tokens. */
  readonly id: string;
  readonly kind: 'user' | 'guest' | 'child';
  readonly name: string;
  /** PHC text; empty for guests and children, who have none. */
  readonly passwordHash: string;
  /** The account that a child belongs to. */
  readonly parent: string | undefined;
  /** `action:pattern`; undefined: those of its kind. */
  readonly scopes: readonly string[] | undefined;
  readonly disabled: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  /** When a guest is forgotten and its id is free again; undefined: never. */
  readonly expiresAt: number | undefined;
}

/** A `cpsk_` token, of which only the hash is kept. */
export interface TokenRecord {
  /** SHA-256 of the token, in hex. */
  readonly hash: string;
  /** The account it belongs to, or the subject that an administrator gave it. */
  readonly subject: string;
  /** Whether an administrator gave it: then it may what its scopes say, whatever its subject may. */
  readonly issued: boolean;
  /** What it is narrowed to; undefined: what its account may. */
  readonly scopes: readonly string[] | undefined;
  readonly name: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  /** Undefined: for ever. */
  readonly expiresAt: number | undefined;
}

/** Something that no longer holds, although it could be verified. */
export interface Revocation {
  /** Of a capability token or link; or the public key of an issuer in hex. */
  readonly id: string;
  readonly createdAt: number;
  /** After which nothing is left that it could refuse; undefined: for ever. */
  readonly expiresAt: number | undefined;
}

/** What is kept, inside one transaction. */
export interface AuthTables {
  account(id: string): Answer<Account | undefined>;
  /** The user whose name is this without regard to case; of several the one with exactly this name. */
  userNamed(name: string): Answer<Account | undefined>;
  /** All accounts, or the children of one. */
  accounts(parent?: string): Answer<readonly Account[]>;
  putAccount(account: Account): Answer<void>;
  dropAccount(id: string): Answer<void>;
  token(hash: string): Answer<TokenRecord | undefined>;
  /** All tokens, or those of one subject. */
  tokens(subject?: string): Answer<readonly TokenRecord[]>;
  putToken(token: TokenRecord): Answer<void>;
  dropToken(hash: string): Answer<void>;
  revocations(): Answer<readonly Revocation[]>;
  putRevocation(revocation: Revocation): Answer<void>;
  dropRevocation(id: string): Answer<void>;
}

/**
 * Where users, tokens and revocations are kept. Rejects (or throws, where it answers at once) with a `ClaspError` 500
 * for what the disk refuses.
 */
export interface AuthStore {
  /** Work that only reads, on one state of everything. */
  read<T>(work: (tables: AuthTables) => Steps<T>): Answer<T>;
  /**
   * Work that is kept as a whole, or, when it throws, not at all; nobody else's comes between. The answer comes when it
   * is on the disk. The steps may wait for nothing but the tables.
   */
  write<T>(work: (tables: AuthTables) => Steps<T>): Answer<T>;
  /** Whether another process has changed something since this was asked last. */
  changedElsewhere(): Answer<boolean>;
  close(): Answer<void>;
}

/** What names are compared by: neither case nor the way an accent is written counts. */
export function nameKey(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/** A store that forgets everything with the program. */
export class MemoryAuthStore implements AuthStore {
  readonly #accounts = new Map<string, Account>();
  readonly #tokens = new Map<string, TokenRecord>();
  readonly #revocations = new Map<string, Revocation>();
  /** How to take back what the transaction under way has done, newest last. */
  #undo: (() => void)[] = [];

  readonly #tables: AuthTables = {
    account: (id) => this.#accounts.get(id),
    userNamed: (name) => {
      const named = [...this.#accounts.values()].filter(
        (account) => account.kind === 'user' && nameKey(account.name) === nameKey(name),
      );
      return named.find((account) => account.name === name) ?? named[0];
    },
    accounts: (parent) =>
      [...this.#accounts.values()].filter((account) => parent === undefined || account.parent === parent),
    putAccount: (account) => this.#put(this.#accounts, account.id, account),
    dropAccount: (id) => this.#put(this.#accounts, id, undefined),
    token: (hash) => this.#tokens.get(hash),
    tokens: (subject) =>
      [...this.#tokens.values()].filter((token) => subject === undefined || token.subject === subject),
    putToken: (token) => this.#put(this.#tokens, token.hash, token),
    dropToken: (hash) => this.#put(this.#tokens, hash, undefined),
    revocations: () => [...this.#revocations.values()],
    putRevocation: (revocation) => this.#put(this.#revocations, revocation.id, revocation),
    dropRevocation: (id) => this.#put(this.#revocations, id, undefined),
  };

  read<T>(work: (tables: AuthTables) => Steps<T>): T {
    return followNow(work(this.#tables));
  }

  write<T>(work: (tables: AuthTables) => Steps<T>): T {
    try {
      return followNow(work(this.#tables));
    } catch (cause) {
      for (const back of this.#undo.reverse()) back();
      throw cause;
    } finally {
      this.#undo = [];
    }
  }

  changedElsewhere(): boolean {
    return false;
  }

  close(): void {
    // There is nothing to close.
  }

  #put<T>(map: Map<string, T>, key: string, value: T | undefined): void {
    const before = map.get(key);
    this.#undo.push(() => (before === undefined ? map.delete(key) : map.set(key, before)));
    if (value === undefined) map.delete(key);
    else map.set(key, value);
  }
}
