import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConfig } from './check-config.ts';
import { isSecretPath, looksSecret } from './hidden-values.ts';
import { JsonFault, readJsonText } from './json-text.ts';

const SECRET = 'correct-horse-battery';

/** All that is told of a configuration, also with --json. */
async function told(config: unknown): Promise<string> {
  const { mistakes } = await checkConfig(config, false);
  expect(mistakes.length).toBeGreaterThan(0);
  return JSON.stringify(mistakes.map(({ reason, value }) => [reason, value]));
}

describe('a mistake at a secret (attack 19)', () => {
  it.each<[string, unknown]>([
    ['a number', { auth: { tokens: [{ token: 4711_0815 }] } }],
    ['under a misspelt key', { auth: { tokens: [{ tokn: SECRET }] } }],
    ['under a misspelt key at the top', { pasword: SECRET }],
    ['with a space', { auth: { tokens: [{ token: `${SECRET} ` }] } }],
    ['in a list where an object belongs', { auth: { tokens: [SECRET] } }],
    ['in a URL', { bridges: [{ type: 'mqtt', url: `ftp://me:${SECRET}@host/` }] }],
    ['in the query of a URL', { bridges: [{ type: 'websocket-json', url: `http://host/?key=${SECRET}` }] }],
    ['as PEM', { auth: { trustAnchors: [`-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----`] } }],
    ['of MQTT', { bridges: [{ type: 'mqtt', url: 'mqtt://localhost', password: { was: SECRET } }] }],
    ['in headers', { bridges: [{ type: 'websocket-json', url: 'ws://localhost', headers: { 'X-Api': [SECRET] } }] }],
    ['in an object where a list belongs', { bridges: { type: 'mqtt', password: SECRET } }],
    ['that is a token, anywhere', { name: ['cpsk_0123456789abcdef0123456789abcdef'] }],
    ['in the place of a scope', { auth: { tokens: [{ token: 'x', scopes: [`Bearer ${SECRET}`] }] } }],
  ])('is not shown: %s', async (_, config) => {
    const text = await told(config);
    for (const part of [SECRET, 'correct', '47110815', '0123456789abcdef']) expect(text).not.toContain(part);
  });

  it('is described by its length, so that it can be recognised', async () => {
    expect(await told({ auth: { tokens: [{ token: `${SECRET} ` }] } })).toContain('text of 22 characters');
  });

  it('is not shown where the text is no JSON', () => {
    for (const text of [`{"password": ${SECRET}}`, `{"a": 'cpsk_0123456789'}`, `{"token": "${SECRET}\\q"}`]) {
      try {
        readJsonText(text);
        expect.unreachable();
      } catch (cause) {
        expect(cause).toBeInstanceOf(JsonFault);
        expect(String(cause)).not.toMatch(/correct|cpsk/);
      }
    }
  });

  it('keeps other values in view', async () => {
    expect(await told({ name: 7 })).toContain('must be text, not 7');
    expect(await told({ auth: { tokenTtl: 'soon' } })).toContain('soon');
  });
});

it('keys of secrets are told by their names, in whatever case', () => {
  for (const key of ['password', 'authToken', 'api_key', 'apiKey', 'key', 'Authorization', 'clientSecret', 'tokens']) {
    expect(isSecretPath(['bridges', 0, key]), key).toBe(true);
  }
  for (const key of ['tokenTtl', 'monkey', 'name', 'scopes', 'keyframes']) expect(isSecretPath([key]), key).toBe(false);
  expect(isSecretPath(['headers', 'X-Anything'])).toBe(true);
});

it('no token looks like anything else', () => {
  fc.assert(
    fc.property(fc.constantFrom('cpsk_', 'cap_', 'ent_'), fc.stringMatching(/^[\w-]{1,40}$/), (kind, rest) => {
      expect(looksSecret(`${kind}${rest}`)).toBe(true);
      expect(looksSecret(`Bearer ${rest}`)).toBe(true);
    }),
  );
});
