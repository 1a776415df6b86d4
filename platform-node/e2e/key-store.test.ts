// What every store of keys must do, tried on each of them.
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type KeyStore, MemoryKeyStore } from '../../operators/e2e/key-store.ts';
import { IndexedDBKeyStore } from '../../platform-browser/e2e/indexed-db-key-store.ts';
import { FileKeyStore } from './file-key-store.ts';

let folder = '';
let app = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'clasp-rx-keys-'));
  app++;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const stores: [string, boolean, () => KeyStore][] = [
  ['MemoryKeyStore', false, () => new MemoryKeyStore()],
  ['FileKeyStore', true, () => new FileKeyStore(join(folder, 'keys'))],
  ['IndexedDBKeyStore', true, () => new IndexedDBKeyStore(`test-${app}`)],
];

describe.each(stores)('%s', (_, lasting, open) => {
  const key = { kty: 'oct', k: 'AAAA', key_ops: ['encrypt'] };

  it('gives back what was saved, replaces and deletes it, and knows nothing else', async () => {
    const store = open();
    expect(await store.loadGroupKey('/room')).toBeNull();
    await store.saveGroupKey('/room', { key, storedAt: 1 });
    await store.saveGroupKey('/room', { key: { ...key, k: 'BBBB' }, storedAt: 2 });
    await store.saveGroupKey('../../room', { key, storedAt: 3 });
    expect(await store.loadGroupKey('/room')).toEqual({ key: { ...key, k: 'BBBB' }, storedAt: 2 });
    expect(await store.loadGroupKey('../../room')).toEqual({ key, storedAt: 3 });
    expect(await store.loadTofuRecord('/room')).toBeNull();
    await store.saveTofuRecord('/room:a', { fingerprint: 'ab', firstSeen: 4 });
    expect(await store.loadTofuRecord('/room:a')).toEqual({ fingerprint: 'ab', firstSeen: 4 });
    await store.deleteGroupKey('/room');
    await store.deleteGroupKey('/never');
    expect(await store.loadGroupKey('/room')).toBeNull();
  });

  it('keeps it over a restart, where it lasts', async () => {
    await open().saveGroupKey('/room', { key, storedAt: 1 });
    expect(await open().loadGroupKey('/room')).toEqual(lasting ? { key, storedAt: 1 } : null);
  });
});

describe('FileKeyStore', () => {
  it('lets nobody else read, whatever the umask, and leaves no half-written file', async () => {
    const before = process.umask(0);
    try {
      const store = new FileKeyStore(join(folder, 'keys'));
      await Promise.all(Array.from({ length: 20 }, (_, at) => store.saveGroupKey('/room', { key: {}, storedAt: at })));
      expect(statSync(join(folder, 'keys')).mode & 0o777).toBe(0o700);
      const files = readdirSync(join(folder, 'keys'));
      expect(files).toHaveLength(1);
      expect(statSync(join(folder, 'keys', files[0] as string)).mode & 0o777).toBe(0o600);
    } finally {
      process.umask(before);
    }
  });

  it('says of a file that is broken, and of a disk that refuses, what it was, and no key', async () => {
    const store = new FileKeyStore(folder);
    await store.saveGroupKey('/room', { key: { k: 'secret' }, storedAt: 1 });
    const [file] = readdirSync(folder) as [string];
    writeFileSync(join(folder, file), '{"k":"secret"');
    const broken = await Promise.resolve(store.loadGroupKey('/room')).catch((error) => error);
    expect(broken).toMatchObject({ code: 500, reason: expect.stringContaining(file) });
    expect(String(broken.stack) + String(broken.cause)).not.toContain('secret');
    writeFileSync(join(folder, 'file'), '');
    const refused = new FileKeyStore(join(folder, 'file'));
    await expect(refused.saveGroupKey('/room', { key: {}, storedAt: 1 })).rejects.toMatchObject({ code: 500 });
  });
});
