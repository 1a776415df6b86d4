import type { Observable } from 'rxjs';
import { type Answer, type Steps, wait } from '../../core/answer.ts';
import type { Reply } from '../../core/client/client.ts';
import { Emitter } from '../../core/connection/emitter.ts';
import {
  type E2ECrypto,
  type GroupKey,
  isPublicJwk,
  type KeyPair,
  type PrivateJwk,
  type PublicJwk,
} from '../../core/e2e/e2e-crypto.ts';
import {
  boundTo,
  fingerprintBytes,
  fingerprintText,
  groupJwkOf,
  IV_BYTES,
  plaintextOf,
  rawGroupKey,
  readAnnouncement,
  readEnvelope,
  readKeyExchange,
  valueOfPlaintext,
  type Wrapper,
  writeAnnouncement,
  writeEnvelope,
  writeKeyExchange,
} from '../../core/e2e/envelope.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Value } from '../../core/signal/value.ts';
import { base64, sameBytes } from '../../core/token/bytes-text.ts';
import { RecentMap } from '../../core/transforms/recent-map.ts';
import { InOrder } from './in-order.ts';
import type { KeyStore, StoredJwk } from './key-store.ts';

/** What a session needs of a client: that of `@clasp-to/core` and ours with its methods fit. */
export interface ClaspLike {
  set(address: string, value: Value): unknown;
  emit(address: string, payload?: Value): unknown;
  subscribe(pattern: string, callback: (data: Value, address: string) => void): () => void;
  readonly connected: boolean;
}

/** Who takes part in which group, and whom it trusts. */
export interface E2EConfig {
  /** Who this participant is, as one segment of an address. */
  readonly identityId: string;
  /** The address below which everything is encrypted. */
  readonly basePath: string;
  readonly store: KeyStore;
  /** Asked when a participant has another key than before. @defaultValue refused */
  readonly onKeyChange?: ((peer: string, before: string, now: string) => Answer<boolean>) | undefined;
  /**
   * Who may have the group key, and give one: asked once for each participant and fingerprint (hex in groups of four),
   * which people compare by another way. @defaultValue whoever announces itself first under a name: then the relay is
   * trusted, which could make participants up
   */
  readonly approve?: ((peer: string, fingerprint: string) => Answer<boolean>) | undefined;
  /** What is written: maps, as the JavaScript package reads, or JSON texts, as the Rust crate does. @defaultValue 'map' */
  readonly wrapper?: Wrapper | undefined;
  /** Whether values that are not encrypted are passed on too. @defaultValue false */
  readonly allowPlain?: boolean | undefined;
  /**
   * Whether a value opens only at the address it was written to. All of a group must have it: published readers cannot
   * read what is bound, and here only what is bound is read. @defaultValue false
   */
  readonly bindAddress?: boolean | undefined;
  /** Milliseconds after which an announced key no longer counts. @defaultValue 300 000 */
  readonly maxAnnouncementAge?: number | undefined;
}

/** What the platform gives to a session. */
export interface E2EPlatform {
  readonly crypto: E2ECrypto;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

interface HeldKey {
  readonly raw: Uint8Array;
  readonly aes: GroupKey;
  /** Who gave it; undefined when it was made here. */
  readonly from: string | undefined;
  /** When a newer one took its place; undefined for the newest. */
  replacedAt: number | undefined;
}

interface Peer {
  readonly publicKey: PublicJwk;
  readonly wrapper: Wrapper;
}

/** Old keys that still open what was written before a rotation reached everybody. */
const MOST_KEYS = 4;
const OLD_KEY_LIFETIME = 3_600_000;
const MAX_AHEAD = 30_000;
const ROTATION_INTERVAL = 60_000;
/** Random IVs of 12 bytes under one key are safe for so many. */
const MAX_ENVELOPES = 2 ** 30;
/** A participant without a key asks again when somebody comes who may have it, but not more often. */
const ASK_INTERVAL = 5_000;
const REMEMBERED = 10_000;

/**
 * The keys of one group of participants, and what they encrypt: everything below `basePath`. The relay holds none of
 * them. Replies can be awaited.
 *
 * What cannot be read or is not encrypted is dropped, counted in `unreadable`, and told on `errors` (402); what comes of
 * others' announcements and keys that are refused is told there too (403).
 */
export class E2ESession {
  readonly #client: ClaspLike;
  readonly #config: E2EConfig;
  readonly #platform: E2EPlatform;
  readonly #work = new InOrder();
  readonly #errors = new Emitter<ClaspError>();
  readonly #peers = new Map<string, Peer>();
  readonly #approved = new Map<string, boolean>();
  readonly #removed = new Set<string>();
  /** IVs of key exchanges: one that comes again would bring an old key back. */
  readonly #seen = new RecentMap<string, true>(REMEMBERED);
  #keys: HeldKey[] = [];
  #pair: KeyPair | undefined;
  #listening: (() => void)[] = [];
  #state: 'new' | 'started' | 'destroyed' = 'new';
  #asking = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #rotatedAt = Number.NEGATIVE_INFINITY;
  #envelopes = 0;
  #unreadable = 0;

  constructor(client: ClaspLike, config: E2EConfig, platform: E2EPlatform) {
    this.#client = client;
    this.#config = config;
    this.#platform = platform;
  }

  /** The address below which everything is encrypted. */
  get basePath(): string {
    return this.#config.basePath;
  }

  /** Whether this participant has a group key. */
  get encrypted(): boolean {
    return this.#keys.length > 0;
  }

  /** Values that were dropped because they could not be read, or were not encrypted. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** What was refused or dropped, and why. Hot. */
  get errors(): Observable<ClaspError> {
    return this.#errors;
  }

  /** Whether values at an address are encrypted here: those below the base, but not those of the key exchange. */
  covers(address: string): boolean {
    const { basePath } = this.#config;
    if (!address.startsWith(basePath)) return false;
    const rest = address.slice(basePath.length);
    return (rest === '' || rest.startsWith('/')) && rest !== '/_e2e' && !rest.startsWith('/_e2e/');
  }

  /** Loads the keys that were kept and listens to the others. */
  start(): Reply<void> {
    const session = this;
    return this.#work.run(function* () {
      yield* session.#start();
    });
  }

  /** Makes a new group key and gives it to everybody who is here, and to who announces itself from now on. */
  enableEncryption(): Reply<void> {
    const session = this;
    return this.#work.run(function* () {
      yield* session.#start();
      yield* session.#rotate();
    });
  }

  /** Asks the others for the group key; does nothing where there is one. */
  requestGroupKey(): Reply<void> {
    const session = this;
    return this.#work.run(function* () {
      yield* session.#start();
      if (session.encrypted) return;
      session.#asking = true;
      session.#announce();
    });
  }

  /**
   * Makes a new group key and gives it to everybody who is known and was not removed. Fails with 501 where there is no
   * key yet, with 429 within 60 s of the last time. Published JavaScript readers keep the key they have.
   */
  rotateKey(): Reply<void> {
    const session = this;
    return this.#work.run(function* () {
      yield* session.#start();
      if (!session.encrypted) throw noKey(session.basePath);
      if (session.#platform.now() - session.#rotatedAt < ROTATION_INTERVAL) {
        throw new ClaspError(ErrorCode.TooMany, 'keys are rotated at most once a minute', {
          address: session.basePath,
        });
      }
      yield* session.#rotate();
    });
  }

  /** Shuts a participant out for the life of this session: no later key is given to it, and none is taken from it. */
  removePeer(peer: string): void {
    this.#peers.delete(peer);
    this.#removed.add(peer);
  }

  /** Tells the others anew that this participant is here; to be called after a reconnect. */
  announceAgain(): void {
    if (this.#state === 'started' && (this.encrypted || this.#asking)) this.#announce();
  }

  /** The fingerprint of this participant's own key, for others to compare. */
  fingerprint(): Reply<string> {
    const session = this;
    return this.#work.run(function* () {
      const { publicKey } = yield* session.#ownPair();
      return yield* session.#fingerprintOf(publicKey);
    });
  }

  /** The envelope of a value written to `address`. Fails with 501 where there is no key: nothing is sent in the clear. */
  *sealing(address: string, value: Value): Steps<Value> {
    if (this.#state === 'destroyed') throw ended(this.basePath);
    if (this.#envelopes >= MAX_ENVELOPES && this.#platform.now() - this.#rotatedAt >= ROTATION_INTERVAL) {
      yield* this.#rotate();
    }
    const newest = this.#keys[0];
    if (!newest) throw noKey(address);
    const { crypto } = this.#platform;
    const { bindAddress = false, wrapper = 'map' } = this.#config;
    const iv = crypto.randomBytes(IV_BYTES);
    this.#envelopes++;
    const additional = bindAddress ? boundTo(address) : undefined;
    const ciphertext = yield* wait(newest.aes.encrypt(iv, plaintextOf(value), additional));
    return writeEnvelope({ version: bindAddress ? 2 : 1, iv, ciphertext }, wrapper);
  }

  /** The value in an envelope that stood at `address`; undefined, counted and told, where it cannot be read. */
  *opening(address: string, value: Value): Steps<{ readonly value: Value } | undefined> {
    if (this.#state === 'destroyed') return undefined;
    const { bindAddress = false, allowPlain = false } = this.#config;
    const envelope = readEnvelope(value);
    if (envelope === 'plain') return allowPlain ? { value } : this.#unread(address, 'not encrypted');
    if (!envelope) return this.#unread(address, 'an envelope that nobody can open');
    if (bindAddress && envelope.version === 1) return this.#unread(address, 'an envelope that is bound to no address');
    this.#forgetOldKeys();
    if (!this.encrypted) return this.#unread(address, 'encrypted, and there is no key');
    const additional = envelope.version === 2 ? boundTo(address) : undefined;
    for (const { aes } of [...this.#keys]) {
      const plain = yield* wait(aes.decrypt(envelope.iv, envelope.ciphertext, additional));
      const read = plain && valueOfPlaintext(plain);
      if (read !== undefined) return { value: read };
    }
    return this.#unread(address, 'encrypted with another key, or changed on the way');
  }

  /** Stops listening and forgets every key; what was kept stays in the store. */
  destroy(): void {
    this.#state = 'destroyed';
    for (const stop of this.#listening) stop();
    this.#listening = [];
    for (const { raw } of this.#keys) raw.fill(0);
    this.#keys = [];
    this.#pair = undefined;
    this.#peers.clear();
    this.#errors.complete();
  }

  *#start(): Steps<void> {
    if (this.#state === 'destroyed') throw ended(this.basePath);
    if (this.#state === 'started') return;
    this.#state = 'started';
    const { store, basePath, identityId } = this.#config;
    const stored = yield* wait(store.loadGroupKey(basePath));
    const raw = stored && rawGroupKey(stored.key);
    const giver = stored?.key['kid'];
    if (raw) yield* this.#hold(raw, typeof giver === 'string' ? giver : undefined);
    else if (stored) yield* wait(store.deleteGroupKey(basePath));
    yield* this.#ownPair();
    this.#listening = [
      this.#client.subscribe(`${basePath}/_e2e/pubkey/*`, (data, address) => {
        const peer = address.slice(address.lastIndexOf('/') + 1);
        if (peer !== identityId && data !== null) this.#hear(address, () => this.#announced(peer, data));
      }),
      this.#client.subscribe(`${basePath}/_e2e/keyex/${identityId}`, (data, address) => {
        if (data !== null) this.#hear(address, () => this.#given(data));
      }),
    ];
    // Who waits for the key hears that somebody is here who has it.
    if (this.encrypted) this.#announce();
  }

  /** Handles what another participant said; what is wrong with it is told and changes nothing. */
  #hear(address: string, work: () => Steps<void>): void {
    if (this.#work.waiting >= REMEMBERED) return;
    this.#work.run(work).subscribe({
      error: (cause: ClaspError) => this.#errors.next(new ClaspError(cause.code, cause.reason, { address })),
    });
  }

  *#announced(peer: string, data: Value): Steps<void> {
    const { maxAnnouncementAge = 300_000 } = this.#config;
    const announcement = readAnnouncement(data);
    if (!announcement) throw refused(`the announcement of ${peer} cannot be read`);
    const age = this.#platform.now() - announcement.timestamp;
    // Of one that has left long ago the snapshot still tells: nothing is wrong with that.
    if (age > maxAnnouncementAge) return;
    if (age < -MAX_AHEAD) throw refused(`the announcement of ${peer} is from the future`);
    const { publicKey, wrapper } = announcement;
    yield* this.#verify(peer, publicKey);
    this.#peers.set(peer, { publicKey, wrapper });
    if (this.encrypted) yield* this.#give(peer);
    else if (this.#asking && this.#platform.now() - this.#askedAt >= ASK_INTERVAL) this.#announce();
  }

  *#given(data: Value): Steps<void> {
    const exchange = readKeyExchange(data);
    if (!exchange) throw refused('a group key that cannot be read');
    const { fromId, senderPublicKey, encryptedKey, iv } = exchange;
    const nonce = base64.encode(iv);
    if (this.#seen.get(nonce)) throw refused(`a group key of ${fromId} that came before`);
    yield* this.#verify(fromId, senderPublicKey);
    const pair = yield* this.#ownPair();
    const shared = yield* wait(this.#platform.crypto.groupKey(yield* this.#sharedKey(pair, senderPublicKey)));
    const plain = yield* wait(shared.decrypt(iv, encryptedKey));
    const raw = plain && rawGroupKey(jsonOf(plain));
    if (!raw) throw refused(`a group key of ${fromId} that cannot be opened`);
    this.#seen.set(nonce, true);
    // Everybody who has one gives it to whom it hears of, also who has not heard of a rotation yet.
    if (this.#keys.some((key) => sameBytes(key.raw, raw))) return;
    // One that is in use is replaced only by who gave it, or by whom a person approved.
    const newest = this.#keys[0];
    if (newest && newest.from !== fromId && !this.#config.approve) {
      throw refused(`a group key of ${fromId}, which did not give the last one`);
    }
    this.#asking = false;
    yield* this.#keep(raw, fromId);
  }

  *#rotate(): Steps<void> {
    yield* this.#newKey();
    for (const peer of [...this.#peers.keys()]) yield* this.#give(peer);
    this.#announce();
  }

  *#newKey(): Steps<void> {
    this.#rotatedAt = this.#platform.now();
    this.#asking = false;
    yield* this.#keep(this.#platform.crypto.randomBytes(32), undefined);
  }

  *#keep(raw: Uint8Array, from: string | undefined): Steps<void> {
    const { store, basePath } = this.#config;
    // Who gave it is kept too: after a restart it is still the one who may give the next.
    const key: StoredJwk = { ...groupJwkOf(raw), ...(from !== undefined && { kid: from }) };
    yield* wait(store.saveGroupKey(basePath, { key, storedAt: this.#platform.now() }));
    yield* this.#hold(raw, from);
  }

  *#hold(raw: Uint8Array, from: string | undefined): Steps<void> {
    const aes = yield* wait(this.#platform.crypto.groupKey(raw));
    const before = this.#keys[0];
    if (before) before.replacedAt = this.#platform.now();
    this.#keys = [{ raw, aes, from, replacedAt: undefined }, ...this.#keys].slice(0, MOST_KEYS);
    this.#envelopes = 0;
  }

  #forgetOldKeys(): void {
    const now = this.#platform.now();
    if (this.#keys.length < 2) return;
    this.#keys = this.#keys.filter(({ replacedAt }) => replacedAt === undefined || now - replacedAt < OLD_KEY_LIFETIME);
  }

  /** Sends the newest group key to one participant. */
  *#give(name: string): Steps<void> {
    const peer = this.#peers.get(name);
    const newest = this.#keys[0];
    if (!peer || !newest) return;
    const { crypto } = this.#platform;
    const { basePath, identityId } = this.#config;
    const pair = yield* this.#ownPair();
    const shared = yield* wait(crypto.groupKey(yield* this.#sharedKey(pair, peer.publicKey)));
    const iv = crypto.randomBytes(IV_BYTES);
    const text = new TextEncoder().encode(JSON.stringify(groupJwkOf(newest.raw)));
    const encryptedKey = yield* wait(shared.encrypt(iv, text));
    text.fill(0);
    const exchange = { fromId: identityId, senderPublicKey: pair.publicKey, encryptedKey, iv };
    this.#client.emit(`${basePath}/_e2e/keyex/${name}`, writeKeyExchange(exchange, peer.wrapper));
  }

  #announce(): void {
    if (!this.#pair || !this.#client.connected) return;
    const { basePath, identityId, wrapper = 'map' } = this.#config;
    const timestamp = this.#platform.now();
    this.#askedAt = timestamp;
    const announcement = { publicKey: this.#pair.publicKey, timestamp, wrapper };
    this.#client.set(`${basePath}/_e2e/pubkey/${identityId}`, writeAnnouncement(announcement));
  }

  /** Kept beside the group key: with a new pair at each start the others would refuse it as somebody else's. */
  *#ownPair(): Steps<KeyPair> {
    if (this.#pair) return this.#pair;
    const { store, basePath, identityId } = this.#config;
    const place = `${basePath}:${identityId}:identity`;
    const stored = yield* wait(store.loadGroupKey(place));
    const kept = stored && isPublicJwk(stored.key) ? (stored.key as unknown as PrivateJwk) : undefined;
    const pair = yield* wait(this.#platform.crypto.keyPair(kept));
    if (!kept) {
      const key = { ...pair.privateKey } as StoredJwk;
      yield* wait(store.saveGroupKey(place, { key, storedAt: this.#platform.now() }));
    }
    this.#pair = pair;
    return pair;
  }

  *#sharedKey(pair: KeyPair, peer: PublicJwk): Steps<Uint8Array> {
    try {
      return yield* wait(pair.sharedKey(peer));
    } catch (cause) {
      throw new ClaspError(ErrorCode.Refused, 'a public key that is none', { cause });
    }
  }

  /** Throws unless a participant has the key it had before, or a person agreed to another, and was approved. */
  *#verify(peer: string, publicKey: PublicJwk): Steps<void> {
    const { store, basePath, onKeyChange, approve } = this.#config;
    if (this.#removed.has(peer)) throw refused(`${peer} was removed`);
    const fingerprint = yield* this.#fingerprintOf(publicKey);
    const place = `${basePath}:${peer}`;
    const known = yield* wait(store.loadTofuRecord(place));
    if (known && known.fingerprint !== fingerprint) {
      const agreed = onKeyChange ? yield* wait(onKeyChange(peer, known.fingerprint, fingerprint)) : false;
      if (agreed !== true) throw refused(`${peer} has another key than before`);
    }
    if (approve && !(yield* this.#isApproved(peer, fingerprint))) throw refused(`${peer} is not approved`);
    if (known?.fingerprint === fingerprint) return;
    const firstSeen = known?.firstSeen ?? this.#platform.now();
    yield* wait(store.saveTofuRecord(place, { fingerprint, firstSeen }));
  }

  *#isApproved(peer: string, fingerprint: string): Steps<boolean> {
    const asked = `${peer}\n${fingerprint}`;
    const before = this.#approved.get(asked);
    if (before !== undefined) return before;
    const answer = (yield* wait(this.#config.approve?.(peer, fingerprint))) === true;
    if (this.#approved.size >= REMEMBERED) this.#approved.clear();
    this.#approved.set(asked, answer);
    return answer;
  }

  *#fingerprintOf(publicKey: PublicJwk): Steps<string> {
    return fingerprintText(yield* wait(this.#platform.crypto.sha256(fingerprintBytes(publicKey))));
  }

  #unread(address: string, why: string): undefined {
    this.#unreadable++;
    this.#errors.next(new ClaspError(ErrorCode.BadValue, `dropped: ${why}`, { address }));
    return undefined;
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function noKey(address: string): ClaspError {
  return new ClaspError(ErrorCode.NotEnabled, 'there is no group key yet: nothing is sent in the clear', { address });
}

function ended(address: string): ClaspError {
  return new ClaspError(ErrorCode.NotEnabled, 'the session was destroyed', { address });
}

function refused(reason: string): ClaspError {
  return new ClaspError(ErrorCode.Refused, reason);
}
