import type { Client } from '../../core/client/client.ts';
import { e2eCryptoOf } from '../../core/e2e/e2e-crypto.ts';
import { CryptoClient as AnyCryptoClient, type CryptoClientConfig } from '../../operators/e2e/crypto-client.ts';
import {
  E2ESession as AnyE2ESession,
  type ClaspLike,
  type E2EConfig,
  type E2EPlatform,
} from '../../operators/e2e/e2e-session.ts';
import { type EncryptedClient, type EncryptedOptions, encryptedClient } from '../../operators/e2e/encrypted.ts';

const platform = (): E2EPlatform => ({ crypto: e2eCryptoOf(globalThis.crypto), now: () => Date.now() });

/**
 * The same client, but the relay can read nothing below `base`: `set`, `emit`, `stream`, `gesture` and `bundle` send
 * encrypted values, and fail with 501 as long as there is no group key; timelines and samples, which the relay would
 * have to read, fail with 501 there. What others send in the clear, or what cannot be read, is not delivered: `errors`
 * tells it (402). Who is first makes the key with `encryption.enableEncryption()`; the others ask for it by themselves.
 *
 * Throws a `ClaspError` 501 in a page that is no secure context. Without `approve` the relay is trusted not to make participants up.
 *
 * @example
 * ```ts
 * import { createClient } from 'clasp-rx';
 * import { encrypted, MemoryKeyStore, webSocketDial } from 'clasp-rx/platform-browser';
 *
 * const client = createClient(webSocketDial('ws://localhost:7330'));
 * const room = encrypted(client, { identityId: 'desk', store: new MemoryKeyStore(), base: '/room' });
 * await room.encryption.enableEncryption();
 * await room.set('/room/fader', 0.75);
 * ```
 */
export function encrypted(client: Client, options: EncryptedOptions): EncryptedClient {
  return encryptedClient(client, options, platform());
}

/** A session of one group, as the published package has it. */
export class E2ESession extends AnyE2ESession {
  constructor(client: ClaspLike, config: E2EConfig) {
    super(client, config, platform());
  }
}

/** The client of the published package. */
export class CryptoClient extends AnyCryptoClient {
  constructor(client: ClaspLike, config: CryptoClientConfig) {
    super(client, config, platform());
  }
}
