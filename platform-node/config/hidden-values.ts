/** Keys whose values are secrets, by how they end. */
const SECRET = /(passw(or)?d|passphrase|passcode|token|secret|(^|[_-])key|authori[sz]ation|credential|cookie)s?$/i;
const CAMEL_KEY = /[a-z\d]Keys?$/;
/** Keys below which everything is a secret. */
const ABOVE_SECRETS = /^(headers|credentials?|secrets?)$/i;
const SHORTEST = 6;

/** Whether what stands at these keys of a configuration is a secret, by the names of the keys. */
export function isSecretPath(path: readonly (string | number)[]): boolean {
  const keys = path.filter((part) => typeof part === 'string');
  const last = keys.at(-1);
  return (
    (last !== undefined && (SECRET.test(last) || CAMEL_KEY.test(last))) || keys.some((key) => ABOVE_SECRETS.test(key))
  );
}

/** Whether a text is, or holds, a secret by what it looks like: a token, a key, a URL with a password or a query. */
export function looksSecret(text: string): boolean {
  return (
    /(^|[^\w])(cpsk|cap|ent|ext)_[\w-]/.test(text) ||
    text.includes('-----BEGIN') ||
    /\b(bearer|basic)\s+\S/i.test(text) ||
    /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*@|[^?]*\?)/i.test(text)
  );
}

/** What stands in the place of a secret. */
export function described(value: unknown): string {
  if (typeof value === 'string') return `text of ${[...value].length} characters`;
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object';
  return typeof value === 'function' ? 'a function' : 'a number';
}

/** A value with descriptions in the place of the secrets in it; all of it described where it is one itself. */
export function withoutSecretValues(value: unknown, isSecret: boolean): unknown {
  if (value === undefined) return undefined;
  if (isSecret) return described(value);
  if (typeof value === 'string') return looksSecret(value) ? described(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => withoutSecretValues(item, false));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withoutSecretValues(item, isSecretPath([key]))]),
  );
}

/** Whether a line shows some of a secret, also where it was cut. */
export function shows(line: string, value: unknown): boolean {
  if (typeof value === 'number' || typeof value === 'bigint') return line.includes(String(value));
  if (typeof value === 'object' && value !== null) return Object.values(value).some((item) => shows(line, item));
  if (typeof value !== 'string' || value === '') return false;
  if (value.length <= SHORTEST) return line.includes(value);
  for (let at = 0; at + SHORTEST <= value.length; at++) if (line.includes(value.slice(at, at + SHORTEST))) return true;
  return false;
}
