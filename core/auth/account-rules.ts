import type { Scope } from '../address/scope.ts';
import { readScopes, scopeText, scopeWithin } from '../address/scope-within.ts';

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const MIN_NAME = 2;
const MAX_NAME = 32;
const MAX_PASSWORD_BYTES = 1024;
/** What stands in a template for the id of whose scopes they become. */
const PLACE = '{userId}';

/** Whether a text can be the id of an account: no colon, so that nobody takes the subject of another kind. */
export function isAccountId(id: unknown): id is string {
  return typeof id === 'string' && ID.test(id);
}

/** Why a name, trimmed already, cannot be a user's; undefined when it can. */
export function nameFault(name: string): string | undefined {
  // Characters, not UTF-16 units.
  const { length } = [...name];
  if (length < MIN_NAME || length > MAX_NAME) return `Username must have ${MIN_NAME} to ${MAX_NAME} characters`;
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(name)) return 'Username must have no control characters';
  return undefined;
}

/** Why a password cannot be one; undefined when it can. */
export function passwordFault(password: string, least: number): string | undefined {
  const { length } = new TextEncoder().encode(password);
  if (length < least) return `Password must have at least ${least} bytes`;
  if (length > MAX_PASSWORD_BYTES) return `Password must have at most ${MAX_PASSWORD_BYTES} bytes`;
  return undefined;
}

/** The scopes of a template for one account. Throws a `ClaspError` 202 for one that does not parse. */
export function templateScopes(template: readonly string[], id: string): Scope[] {
  return readScopes(template.map((scope) => scope.replaceAll(PLACE, id)));
}

/** Of the scopes asked for those that each lie within one that is allowed; all that are allowed where none are asked for. */
export function narrowed(asked: readonly string[] | undefined, allowed: readonly Scope[]): readonly Scope[] {
  if (asked === undefined) return allowed;
  return readScopes(asked).filter((scope) => allowed.some((limit) => scopeWithin(scope, limit)));
}

/** Whether scopes make an administrator of the relay: admin on every address. */
export function isAdmin(scopes: readonly Scope[]): boolean {
  return scopes.some(({ action, pattern }) => action === 'admin' && pattern.everything);
}

/** Scopes in an order and spelling by which two lists can be compared. */
export function scopesKey(scopes: readonly Scope[]): string {
  return scopes.map(scopeText).sort().join('\n');
}

/**
 * By what an address counts in limits: the IPv4 address, or the first 64 bits of an IPv6 address, as one home has all
 * of those; an IPv4 address inside IPv6 is the IPv4 one.
 */
export function addressKey(address: string): string {
  const bare = address.replace(/%.*$/, '').toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  if (!bare.includes(':')) return bare;
  const [head = '', tail] = bare.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...new Array<string>(zeros).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
