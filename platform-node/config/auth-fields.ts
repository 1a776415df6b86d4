import { z } from 'zod';
import { readScopes } from '../../core/address/scope-within.ts';
import { readPublicKey } from '../../core/token/ed25519-key.ts';
import type { AuthConfig } from '../auth/auth-config.ts';
import { networks } from '../http/arrivals.ts';
import { portField, textReadBy } from './config-fields.ts';

/** Where a secret stands when it does not stand in the configuration. */
const elsewhere = [
  z.strictObject({ file: z.string().min(1).describe('the file it stands in') }),
  z.strictObject({ env: z.string().min(1).describe('the variable of the environment that holds it') }),
] as const;

const scopesField = z
  .array(textReadBy((scope) => readScopes([scope.replaceAll('{userId}', 'id')])))
  .describe('list of read:, write: or admin: and a pattern');

const token = z
  .strictObject({
    token: z
      .union([
        z.string().min(1).max(8192).regex(/^\S+$/, 'must be a token: 1 to 8192 characters without spaces'),
        ...elsewhere,
      ])
      .describe('the token, or { "file": … } or { "env": … } where it stands')
      .exactOptional(),
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hex digits')
      .describe('SHA-256 of the token in its place')
      .exactOptional(),
    scopes: scopesField.describe('what its bearer may; admin:/** if absent').exactOptional(),
    name: z.string().min(1).describe('named in the log; the id of the token if absent').exactOptional(),
  })
  .refine((entry) => (entry.token === undefined) !== (entry.sha256 === undefined), 'needs one of "token" and "sha256"');

const keyFile = z.strictObject({ file: z.string().min(1).describe('the file it stands in') });
const publicKey = textReadBy(readPublicKey);
const anchor = z.union([
  publicKey,
  keyFile,
  z.strictObject({
    key: z.union([publicKey, keyFile]).describe('a public key: 64 hex digits, PEM, did:key:z6Mk…, or { "file": … }'),
    scopes: scopesField.describe('the most that a token of this key may give; everything if absent').exactOptional(),
  }),
]);

const whole = (least: number) => z.int().min(least).max(0x7fff_ffff);

/** Who comes in, and what they may. */
export const authField: z.ZodType<AuthConfig> = z.strictObject({
  port: portField
    .describe('TCP port of its own for /auth and /api, which are on the relay’s port too; none if absent')
    .exactOptional(),
  db: z
    .string()
    .min(1)
    .describe('SQLite file of users and tokens, or ":memory:"; "relay-auth.db" if absent')
    .exactOptional(),
  tokenTtl: whole(0)
    .describe('seconds that a token of a user or guest lasts; 0 = for ever; 86400 if absent')
    .exactOptional(),
  adminToken: z
    .union([z.string().min(1), ...elsewhere])
    .describe('file of the administrator’s token, made where there is none; or { "env": … }; none if absent')
    .exactOptional(),
  tokens: z
    .union([z.string().min(1), z.array(token)])
    .describe('tokens, or the path of a token file; none if absent')
    .exactOptional(),
  users: scopesField
    .describe('what users may, {userId} standing for their id; read:/** and write:/** if absent')
    .exactOptional(),
  guests: z
    .union([scopesField, z.literal(false)])
    .describe('what guests may, {userId} standing for their id; false for no guests; read:/** if absent')
    .exactOptional(),
  anonymous: scopesField.describe('what who shows no token may; refused if absent').exactOptional(),
  register: z
    .union([z.literal('open'), z.literal('admin'), z.literal(false)])
    .describe('who may make users: everybody, an administrator, nobody; "open" if absent')
    .exactOptional(),
  guestIds: z
    .enum(['own', 'open'])
    .describe('whether anybody may take the id of a living guest; "own" if absent')
    .exactOptional(),
  minPassword: z.int().min(1).max(1024).describe('bytes of a password, at least; 6 if absent').exactOptional(),
  requireTls: z
    .boolean()
    .describe('whether tokens and passwords are refused where the way is not encrypted; false if absent')
    .exactOptional(),
  trustAnchors: z.array(anchor).describe('public keys that may sign capability tokens; none if absent').exactOptional(),
  capMaxDepth: z.int().min(0).max(64).describe('links that a capability token may have; 5 if absent').exactOptional(),
});

/** A network, as `10.0.0.0/8`. */
export const networkField: z.ZodType<string> = textReadBy((text) => networks([text]));
