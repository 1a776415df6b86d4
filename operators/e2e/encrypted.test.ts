import { Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { e2eCryptoOf } from '../../core/e2e/e2e-crypto.ts';
import type { ClaspError } from '../../core/errors.ts';
import type { Value } from '../../core/signal/value.ts';
import { nodeE2ECrypto } from '../../platform-node/e2e/node-e2e-crypto.ts';
import { answerOf, heardBy } from '../../testing/client-on-script.ts';
import { type VirtualRelay, virtualRelay } from '../../testing/virtual-relay.ts';
import { createClient } from '../client/client.ts';
import { CryptoClient } from './crypto-client.ts';
import type { ClaspLike, E2EPlatform } from './e2e-session.ts';
import { type EncryptedClient, type EncryptedOptions, encryptedClient } from './encrypted.ts';
import { MemoryKeyStore } from './key-store.ts';

// Participants of one group at a real router, in virtual time: the crypto of Node answers at once.

let relay: VirtualRelay;
let platform: E2EPlatform;
let hangUp: (() => void)[];

beforeEach(() => {
  relay = virtualRelay();
  platform = { crypto: nodeE2ECrypto, now: () => relay.time.now() };
  hangUp = [];
});
afterEach(() => relay.stop());

const plain = (): Client =>
  createClient(
    new Observable((out) => {
      const [here, there] = memoryPair();
      hangUp.push(() => there.outgoing.complete());
      relay.accept(there);
      out.next(here);
      return () => here.outgoing.complete();
    }),
    { scheduler: relay.time, random: () => 1 },
  );
const member = (identityId: string, options: Partial<EncryptedOptions> = {}): EncryptedClient =>
  encryptedClient(plain(), { identityId, store: new MemoryKeyStore(), base: '/room', ...options }, platform);
/** The first member, which makes the key. */
const founder = (options?: Partial<EncryptedOptions>): EncryptedClient => {
  const made = member('founder', options);
  made.encryption.enableEncryption().subscribe();
  return made;
};
const errorsOf = (client: Client): ClaspError[] => {
  const errors: ClaspError[] = [];
  client.errors.subscribe((error) => errors.push(error));
  return errors;
};

describe('a group', () => {
  it('hears each other; the relay and everybody else see envelopes only', () => {
    const [a, b, spy] = [founder(), member('b'), plain()];
    const heard = heardBy(b, '/room/**');
    const seen: string[] = [];
    spy.on('/room/*').subscribe((signal) => seen.push(JSON.stringify(signal)));
    a.set('/room/fader', 0.75);
    a.emit('/room/cue', 'secret words');
    a.stream('/room/level', [1, 2]);
    a.gesture('/room/touch', 1, 'start', { x: 1 });
    a.bundle([{ set: ['/room/x', 'in a bundle'] }, { emit: ['/room/go'] }]);
    expect(heard.filter((line) => !line.includes('_e2e'))).toEqual([
      '/room/fader param 0.75',
      '/room/cue event "secret words"',
      '/room/level stream [1,2]',
      '/room/touch gesture {"x":1}',
      '/room/x param "in a bundle"',
      '/room/go event null',
    ]);
    expect(seen).toHaveLength(6);
    for (const line of seen) expect(line).toMatch(/"_e2e":1,"ct":"[^"]+","iv":"[A-Za-z0-9+/]{16}","v":1/);
    expect(seen.join()).not.toMatch(/secret|bundle"|0\.75/);
  });

  it('answers writes as the relay does, and gets what was written', () => {
    const a = founder();
    expect(answerOf(a.set('/room/x', 1))).toEqual([expect.objectContaining({ address: '/room/x', revision: 1 })]);
    expect(answerOf(a.set('/room/x', 1, { revision: 9 }))).toEqual([400]);
    expect(answerOf(a.get('/room/x'))).toEqual([1]);
    expect(answerOf(a.get('/room/none'))).toEqual([null]);
    const heard = heardBy(a, '/room/x');
    expect(a.cached('/room/x')).toBe(1);
    a.set('/room/x', null);
    expect(heard).toEqual(['/room/x param 1!', '/room/x param null']);
    expect(answerOf(a.get('/room/x'))).toEqual([null]);
  });

  it('leaves what is not below its base as it is', () => {
    const [a, spy] = [founder(), plain()];
    const heard = heardBy(spy, '/roomy');
    a.set('/roomy', 1);
    a.timeline('/other', [{ time: 0, value: 1 }]);
    expect(heard).toEqual(['/roomy param 1']);
    expect(answerOf(a.get('/roomy'))).toEqual([1]);
  });

  it('never sends in the clear: without a key everything below the base is refused (attack 24)', () => {
    const [b, spy] = [member('b'), plain()];
    const heard = heardBy(spy, '/room/*');
    const errors = errorsOf(b);
    expect(answerOf(b.set('/room/x', 1))).toEqual([501]);
    expect(answerOf(b.emit('/room/x'))).toEqual([501]);
    expect(answerOf(b.bundle([{ set: ['/other', 1] }, { set: ['/room/x', 1] }]))).toEqual([501]);
    b.stream('/room/x', 1);
    b.gesture('/room/x', 1, 'start');
    b.next({ kind: 'param', address: '/room/x', value: 1 });
    expect(errors.map(({ code }) => code)).toEqual([501, 501]);
    expect(heard).toEqual([]);
    expect(answerOf(spy.get('/other'))).toEqual([null]);
  });

  it('refuses what the relay would have to read', () => {
    const a = founder();
    const errors = errorsOf(a);
    expect(answerOf(a.timeline('/room/x', [{ time: 0, value: 1 }]))).toEqual([501]);
    expect(answerOf(a.bundle([{ timeline: ['/room/x', [{ time: 0, value: 1 }]] }]))).toEqual([501]);
    a.stream('/room/x', 0, { samples: [1, 2], rate: 2 });
    expect(errors.map(({ code }) => code)).toEqual([501]);
  });

  it('drops what is plain, tampered or of another key, counts it and tells it (attack 24)', () => {
    const [a, b, foreign] = [founder(), member('b'), plain()];
    const errors = errorsOf(b);
    const heard = heardBy(b, '/room/x');
    let envelope: Value = null;
    foreign.on('/room/x').subscribe((signal) => {
      if (signal.kind === 'param') envelope = signal.value;
    });
    a.set('/room/x', 1);
    const { ct, iv } = envelope as unknown as { ct: string; iv: string };
    foreign.set('/room/x', 'plain words');
    foreign.set('/room/x', { _e2e: 1, ct: `${ct.slice(0, 2) === 'AA' ? 'BB' : 'AA'}${ct.slice(2)}`, iv, v: 1 });
    foreign.set('/room/x', { _e2e: 1, ct, iv: 'AAAA', v: 1 });
    foreign.timeline('/room/x', [{ time: 0, value: 5 }]);
    expect(heard).toEqual(['/room/x param 1']);
    expect(errors.map(({ code, address }) => [code, address])).toEqual(new Array(errors.length).fill([402, '/room/x']));
    expect(b.encryption.unreadable).toBeGreaterThanOrEqual(4);
    expect(answerOf(b.get('/room/x'))).toEqual([402]);
  });

  it('passes plain values on where it is told to', () => {
    const [b, foreign] = [founder({ allowPlain: true }), plain()];
    const heard = heardBy(b, '/room/x');
    foreign.set('/room/x', 'plain words');
    expect(heard).toEqual(['/room/x param "plain words"']);
  });

  it('binds values to their addresses where it is told to (attack 24)', () => {
    const options = { bindAddress: true };
    const [a, b, foreign] = [founder(options), member('b', options), plain()];
    const heard = heardBy(b, '/room/*');
    let envelope: Value = null;
    foreign.on('/room/x').subscribe((signal) => {
      if (signal.kind === 'param') envelope = signal.value;
    });
    a.set('/room/x', 1);
    expect(envelope).toMatchObject({ v: 2 });
    foreign.set('/room/y', envelope);
    foreign.set('/room/z', { ...(envelope as unknown as object), v: 1 });
    expect(heard).toEqual(['/room/x param 1']);
  });

  it('tells `synced` after the snapshot it decrypted', async () => {
    platform = { crypto: e2eCryptoOf(globalThis.crypto), now: () => relay.time.now() };
    const store = new MemoryKeyStore();
    const a = member('a', { store });
    await a.encryption.enableEncryption();
    for (let i = 0; i < 20; i++) await a.set(`/room/${i}`, i);
    const order: (number | string)[] = [];
    await new Promise<void>((resolve) => {
      const synced = () => {
        order.push('synced');
        resolve();
      };
      a.on('/room/*', { synced }).subscribe((signal) =>
        order.push(signal.kind === 'param' ? Number(signal.value) : -1),
      );
    });
    expect(order).toEqual([...Array.from({ length: 20 }, (_, i) => i), 'synced']);
    // Written at once, sealed each in its time: they arrive in the order in which they were written.
    order.length = 0;
    await Promise.all(Array.from({ length: 20 }, (_, i) => a.set('/room/0', i)));
    await expect.poll(() => order.length).toBe(20);
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });
});

describe('keys', () => {
  it('reach who comes late, who waits, and who speaks the other wrapper', () => {
    const waiting = member('waiting');
    const text = member('text', { wrapper: 'text' });
    const spy = plain();
    const exchanged = new Set<string>();
    spy.on('/room/_e2e/keyex/*').subscribe((signal) => {
      if (signal.kind === 'event') exchanged.add(`${signal.address.split('/').pop()} ${typeof signal.value}`);
    });
    relay.pass(6_000);
    const a = founder();
    const late = member('late');
    const members = [waiting, text, late];
    expect(members.map(({ encryption }) => encryption.encrypted)).toEqual([true, true, true]);
    // Each in the wrapper in which it announced itself.
    expect([...exchanged].sort()).toEqual(['founder object', 'late object', 'text string', 'waiting object']);
    const heard = members.map((one) => heardBy(one, '/room/x'));
    a.set('/room/x', 1);
    text.set('/room/x', 2);
    expect(heard).toEqual(new Array(3).fill(['/room/x param 1', '/room/x param 2']));
    expect(answerOf(spy.get('/room/x'))).toEqual([expect.stringMatching(/^\{"_e2e":1,/)]);
  });

  it('outlive a restart with the store, and so does who is who', () => {
    const [ours, theirs] = [new MemoryKeyStore(), new MemoryKeyStore()];
    const a = founder({ store: ours });
    const b = member('b', { store: theirs });
    a.set('/room/x', 1);
    b.close();
    const again = member('b', { store: theirs });
    const errors = errorsOf(a);
    expect(answerOf(again.get('/room/x'))).toEqual([1]);
    // Its key pair is the same: nobody takes it for somebody else.
    relay.pass(60_000);
    expect(answerOf(a.encryption.rotateKey())).toEqual([undefined]);
    a.set('/room/x', 2);
    expect(answerOf(again.get('/room/x'))).toEqual([2]);
    expect(errors).toEqual([]);
  });

  it('are rotated at most once a minute; old ones open what is under way for an hour; a removed peer gets none', () => {
    const [a, b, out] = [founder(), member('b'), member('out')];
    a.set('/room/x', 'old');
    expect(answerOf(a.encryption.rotateKey())).toEqual([429]);
    relay.pass(60_000);
    a.encryption.removePeer('out');
    expect(answerOf(a.encryption.rotateKey())).toEqual([undefined]);
    expect(answerOf(b.get('/room/x'))).toEqual(['old']);
    a.set('/room/y', 'new');
    expect(answerOf(b.get('/room/y'))).toEqual(['new']);
    expect(answerOf(out.get('/room/y'))).toEqual([402]);
    out.encryption.announceAgain();
    expect(answerOf(out.get('/room/y'))).toEqual([402]);
    relay.pass(3_600_000);
    expect(answerOf(b.get('/room/x'))).toEqual([402]);
    expect(answerOf(b.get('/room/y'))).toEqual(['new']);
  });

  it('are taken only from who gave the last one, or by approval (attack 24)', () => {
    const [a, b] = [founder(), member('b')];
    const errors = errorsOf(b);
    a.set('/room/x', 1);
    const intruder = member('intruder');
    relay.pass(60_000);
    expect(intruder.encryption.encrypted).toBe(true);
    intruder.encryption.rotateKey().subscribe();
    expect(errors.map(({ code }) => code)).toEqual([403]);
    a.set('/room/x', 2);
    expect(answerOf(b.get('/room/x'))).toEqual([2]);
  });

  it('go only to whom a person approved', () => {
    const asked: string[] = [];
    const approve = (peer: string, fingerprint: string) => {
      asked.push(`${peer} ${fingerprint}`);
      return peer === 'friend';
    };
    const a = founder({ approve });
    const [friend, foe] = [member('friend', { approve: (peer) => peer === 'founder' }), member('foe')];
    foe.encryption.announceAgain();
    expect([friend, foe].map(({ encryption }) => encryption.encrypted)).toEqual([true, false]);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toMatch(/^friend ([0-9a-f]{4} ){15}[0-9a-f]{4}$/);
    expect(answerOf(friend.encryption.fingerprint())).toEqual([asked[0]?.slice('friend '.length)]);
    a.close();
  });

  it('do not go to who comes with another key under a known name, unless a person agrees', () => {
    const changes: string[] = [];
    let agree = false;
    const onKeyChange = (peer: string, before: string, now: string) => {
      changes.push(`${peer} ${before === now}`);
      return agree;
    };
    const a = founder({ onKeyChange });
    const errors = errorsOf(a);
    member('b').close();
    const other = member('b');
    expect([other.encryption.encrypted, changes, errors.map(({ code }) => code)]).toEqual([false, ['b false'], [403]]);
    agree = true;
    other.encryption.announceAgain();
    expect(other.encryption.encrypted).toBe(true);
  });

  it('are not asked for by an announcement that is old, from the future or no key', () => {
    const a = founder();
    const spy = plain();
    const given = heardBy(spy, '/room/_e2e/keyex/*');
    const errors = errorsOf(a);
    relay.pass(1_000_000);
    const key = member('b').encryption;
    given.length = 0;
    key.destroy();
    let announcement: Value = null;
    spy.on('/room/_e2e/pubkey/b').subscribe((signal) => {
      if (signal.kind === 'param') announcement = signal.value;
    });
    const timed = (timestamp: number) =>
      spy.set('/room/_e2e/pubkey/b', { ...(announcement as object), timestamp } as Value);
    timed(relay.time.now() - 300_001);
    timed(relay.time.now() + 30_001);
    spy.set('/room/_e2e/pubkey/c', 'words');
    const point = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) };
    spy.set('/room/_e2e/pubkey/d', { publicKey: point, timestamp: relay.time.now() });
    expect(given).toEqual([]);
    expect(errors.map(({ code }) => code)).toEqual([403, 403, 403]);
    timed(relay.time.now());
    expect(given).toHaveLength(1);
  });

  it('are not brought back by a key exchange that comes again', () => {
    const [a, b, spy] = [founder(), member('b'), plain()];
    const exchanges: Value[] = [];
    spy.on('/room/_e2e/keyex/b').subscribe((signal) => {
      if (signal.kind === 'event') exchanges.push(signal.value);
    });
    b.encryption.announceAgain();
    relay.pass(60_000);
    a.encryption.rotateKey().subscribe();
    const errors = errorsOf(b);
    spy.emit('/room/_e2e/keyex/b', exchanges[0] as Value);
    expect(errors.map(({ code }) => code)).toEqual([403]);
    a.set('/room/x', 1);
    expect(answerOf(b.get('/room/x'))).toEqual([1]);
    b.set('/room/x', 2);
    expect(answerOf(a.get('/room/x'))).toEqual([2]);
  });

  it('are asked for again after a reconnect', () => {
    const b = member('b');
    hangUp[0]?.();
    const a = founder();
    relay.pass(60_000);
    expect([a, b].map(({ encryption }) => encryption.encrypted)).toEqual([true, true]);
  });
});

describe('CryptoClient', () => {
  const claspLike = (client: Client): ClaspLike => ({
    set: (address, value) => client.set(address, value),
    emit: (address, value) => client.emit(address, value),
    subscribe: (pattern, callback) => client.on(pattern, callback),
    connected: true,
  });

  it('does as the published one, with the longest base path, and never in the clear', async () => {
    const client = plain();
    const crypto = new CryptoClient(claspLike(client), { identityId: 'a', store: new MemoryKeyStore() }, platform);
    const [outer, inner] = [crypto.session('/app'), crypto.session('/app/room')];
    expect(crypto.session('/app')).toBe(outer);
    await inner.enableEncryption();
    const heard: unknown[] = [];
    const stop = crypto.subscribe('/**', (data, address) => {
      if (!address.includes('_e2e')) heard.push([address, data]);
    });
    await crypto.set('/app/room/x', { n: 1 });
    await crypto.set('/elsewhere', 'plain');
    await expect(crypto.emit('/app/x', 1)).rejects.toMatchObject({ code: 501 });
    expect(heard).toEqual([
      ['/app/room/x', { n: 1 }],
      ['/elsewhere', 'plain'],
    ]);
    expect(answerOf(client.get('/app/room/x'))).toEqual([expect.objectContaining({ _e2e: 1 })]);
    await crypto.set('/app/room/x', null);
    expect(answerOf(client.get('/app/room/x'))).toEqual([null]);
    stop();
    crypto.close();
    await expect(inner.start()).rejects.toMatchObject({ code: 501 });
  });
});
