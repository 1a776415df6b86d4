/** A secret itself, the file it stands in, or the variable of the environment. */
export type SecretSource = string | { readonly file: string } | { readonly env: string };

/** A token that a configuration gives, with what its bearer may do. */
interface ConfiguredToken {
  /** The token; one of `token` and `sha256`. */
  readonly token?: SecretSource;
  /** SHA-256 of the token, 64 hex digits: then the configuration does not hold the token. */
  readonly sha256?: string;
  /** @defaultValue `admin:/**` */
  readonly scopes?: readonly string[];
  /** Its subject is `static:` and this. @defaultValue the id of the token */
  readonly name?: string;
}

/** A key that is trusted to sign capability tokens: a public key, or a file that holds one. */
interface ConfiguredAnchor {
  /** 64 hex digits, PEM, or `did:key:z6Mk…`. */
  readonly key: string | { readonly file: string };
  /** The most that a token of this key may give. @defaultValue everything */
  readonly scopes?: readonly string[];
}

/** Who comes in, and what they may do. That it is there turns authentication on. */
export interface AuthConfig {
  /** TCP port of its own for `/auth` and `/api`, which are on the relay's port too; published clients expect the relay's plus 20. @defaultValue none */
  readonly port?: number;
  /** SQLite file of users, tokens and revocations, or `:memory:`. @defaultValue 'relay-auth.db' */
  readonly db?: string;
  /** Seconds that a token of a user or guest lasts; 0: for ever. @defaultValue 86 400 */
  readonly tokenTtl?: number;
  /** The file of the administrator's token, which is made where there is none; or the variable that holds it. @defaultValue there is none */
  readonly adminToken?: SecretSource;
  /** Tokens given here, or the path of a token file. @defaultValue none */
  readonly tokens?: string | readonly ConfiguredToken[];
  /** What users may, `{userId}` standing for their id. @defaultValue `read:/**` and `write:/**` */
  readonly users?: readonly string[];
  /** What guests may; false: there are none. @defaultValue `read:/**` */
  readonly guests?: readonly string[] | false;
  /** What who shows no token may. @defaultValue nothing: refused */
  readonly anonymous?: readonly string[];
  /** Who may make users: everybody, an administrator, or nobody. @defaultValue 'open' */
  readonly register?: 'open' | 'admin' | false;
  /** Whether anybody may take the id of a living guest, as the published relay lets them. @defaultValue 'own' */
  readonly guestIds?: 'own' | 'open';
  /** Bytes of a password, at least. @defaultValue 6 */
  readonly minPassword?: number;
  /** Whether tokens and passwords are refused on a way that is not encrypted. @defaultValue false */
  readonly requireTls?: boolean;
  /** Keys that may sign capability tokens. @defaultValue none */
  readonly trustAnchors?: readonly (string | { readonly file: string } | ConfiguredAnchor)[];
  /** Links that a capability token may have. @defaultValue 5 */
  readonly capMaxDepth?: number;
}
