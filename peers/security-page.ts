// What security.chromium.test.ts loads into a page.
import { NEVER } from 'rxjs';
import type { Client } from '../core/client/client.ts';
import { fromHex } from '../core/token/bytes-text.ts';
import { type CapabilityVerdict, verifyCapability } from '../core/token/capability.ts';
import { authority } from '../operators/auth/authority.ts';
import { MemoryKeyStore } from '../operators/e2e/key-store.ts';
import { router } from '../operators/router/router.ts';
import { indexedDbAuthStore } from '../platform-browser/auth/indexed-db-auth-store.ts';
import { pagePasswords } from '../platform-browser/auth/page-passwords.ts';
import { encrypted } from '../platform-browser/e2e/encrypted.ts';
import { IndexedDBKeyStore } from '../platform-browser/e2e/indexed-db-key-store.ts';
import { capabilityHolder, mintCapability } from '../platform-browser/token/capabilities.ts';
import { webTokenCrypto } from '../platform-browser/token/web-token-crypto.ts';

/** One vector of testing/vectors/cap-tokens.json, as far as it is needed here. */
export interface TokenVector {
  readonly token: string;
  readonly anchors: readonly string[];
  readonly maxDepth: number;
}

/** The page's side, called by the test. */
export interface SecurityPage {
  /** The code of each verdict, 0 where it is valid; with WebCrypto, or with the Ed25519 in JavaScript. */
  readonly verdicts: (vectors: readonly TokenVector[], now: number, native: boolean) => Promise<number[]>;
  /** A token of the holder, made in this page. */
  readonly held: (seed: string, audience: string, holder: string) => Promise<string>;
  /** What two members of a group hear of each other, and what a third sees. */
  readonly group: () => Promise<{ readonly heard: unknown[]; readonly seen: string }>;
  /** Makes a user and gives its token; or lets a token in and gives its subject. */
  readonly register: (username: string) => Promise<string>;
  readonly enter: (token: string) => Promise<string | undefined>;
}

declare global {
  interface Window {
    security: SecurityPage;
  }
}

const openAuthority = async () =>
  authority({
    store: await indexedDbAuthStore(),
    crypto: webTokenCrypto(),
    passwords: pagePasswords(),
    now: () => Date.now(),
    elapsed: () => performance.now(),
  });

window.security = {
  async verdicts(vectors, now, native) {
    const random = { getRandomValues: crypto.getRandomValues.bind(crypto) };
    const arithmetic = native ? webTokenCrypto() : webTokenCrypto({ ...random, subtle: undefined });
    const codes: number[] = [];
    for (const { token, anchors, maxDepth } of vectors) {
      const known = anchors.map((hex) => ({ key: fromHex(hex) as Uint8Array, ceiling: undefined }));
      const check = { anchors: known, maxDepth, now, crypto: arithmetic };
      const verdict: CapabilityVerdict = await verifyCapability(token, check);
      codes.push(verdict.valid ? 0 : verdict.error.code);
    }
    return codes;
  },

  async held(seed, audience, holder) {
    const expiresAt = Math.floor(Date.now() / 1000) + 3600;
    const token = await mintCapability({ key: seed, scopes: ['write:/a/**'], expiresAt, audience });
    return capabilityHolder({ token, key: holder })();
  },

  async group() {
    const relay = router();
    relay(NEVER).subscribe();
    const join = (name: string): Client => relay.client(name);
    const founder = encrypted(join('founder'), { identityId: 'founder', store: new MemoryKeyStore(), base: '/room' });
    await founder.encryption.enableEncryption();
    const member = encrypted(join('member'), {
      identityId: 'member',
      store: new IndexedDBKeyStore('page'),
      base: '/room',
    });
    const heard: unknown[] = [];
    const heardAll = new Promise<void>((resolve) => {
      member.on('/room/*').subscribe((signal) => {
        heard.push('value' in signal ? signal.value : undefined);
        if (heard.length === 2) resolve();
      });
    });
    while (!member.encryption.encrypted) await new Promise((resolve) => setTimeout(resolve, 5));
    const seen: string[] = [];
    join('spy')
      .on('/room/*')
      .subscribe((signal) => seen.push(JSON.stringify(signal)));
    await founder.set('/room/a', 'secret words');
    await founder.emit('/room/b', { n: 1 });
    await heardAll;
    return { heard, seen: seen.join() };
  },

  async register(username) {
    const answer = await (await openAuthority()).register({ body: { username, password: 'correct horse' } });
    return (answer.body as { token: string }).token;
  },

  async enter(token) {
    return (await (await openAuthority()).authenticate(token)).subject;
  },
};
