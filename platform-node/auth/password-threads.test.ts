import { argon2id } from 'hash-wasm';
import { afterEach, describe, expect, it } from 'vitest';
import { argon2Settings, isWeaker, NOBODYS_PASSWORD } from '../../core/auth/password-hasher.ts';
import { type PasswordThreads, passwordThreads } from './password-threads.ts';

let passwords: PasswordThreads | undefined;
afterEach(() => passwords?.close());

/** security.md §1. */
const KNOWN = '$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$0AuQxA+RjPiJeA19Op7DwrFxnfh9xeTU2T6mFj2wThc';

describe('passwordThreads', () => {
  it('verifies what the published relay wrote, and what it writes itself', async () => {
    passwords = passwordThreads();
    expect(await passwords.verify('correct horse', KNOWN)).toBe('right');
    expect(await passwords.verify('correct horsf', KNOWN)).toBe('wrong');
    const phc = await passwords.hash('Löwe 🦁');
    expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(await passwords.hash('Löwe 🦁')).not.toBe(phc);
    expect(await passwords.verify('Löwe 🦁', phc)).toBe('right');
  });

  it('tells what was kept with less, or in another order, and never fails for a broken text', async () => {
    passwords = passwordThreads();
    const weak = await argon2id({
      password: 'secret',
      salt: new Uint8Array(16),
      iterations: 1,
      parallelism: 1,
      memorySize: 64,
      hashLength: 32,
      outputType: 'encoded',
    });
    expect(await passwords.verify('secret', weak)).toBe('right, but weakly kept');
    for (const phc of [
      '',
      'secret',
      '$argon2id$v=19$m=64,t=1,p=1$x$y',
      KNOWN.replace('argon2id', 'argon2i'),
      NOBODYS_PASSWORD,
    ]) {
      expect(await passwords.verify('secret', phc)).toBe('wrong');
    }
  });

  it('does two at a time, lets so many wait and refuses the rest with 503; those who wait get their answer', async () => {
    passwords = passwordThreads({ threads: 2, waiting: 3 });
    const { verify } = passwords;
    const answers = await Promise.allSettled(Array.from({ length: 8 }, () => verify('correct horse', KNOWN)));
    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason.code))).toEqual([
      ...new Array(5).fill('right'),
      ...new Array(3).fill(503),
    ]);
    expect(await verify('correct horse', KNOWN)).toBe('right');
  });

  it('rejects what waits when it is closed', async () => {
    passwords = passwordThreads({ threads: 1 });
    const [, second] = [passwords.hash('a').catch(() => 'ended'), passwords.hash('b').catch(({ code }) => code)];
    await passwords.close();
    expect(await second).toBe(503);
    await expect(passwords.hash('c')).rejects.toMatchObject({ code: 503 });
  });
});

describe('argon2Settings', () => {
  it('reads the parameters in any order', () => {
    expect(argon2Settings(KNOWN)).toEqual({ memory: 19_456, iterations: 2, parallelism: 1 });
    expect(argon2Settings(KNOWN.replace('m=19456,t=2,p=1', 'm=65536,p=4,t=3'))).toMatchObject({ memory: 65_536 });
    expect(argon2Settings(NOBODYS_PASSWORD)).toBeDefined();
  });

  it.each([
    'm=262145,t=2,p=1',
    'm=19456,t=11,p=1',
    'm=65536,t=2,p=5',
    'm=8,t=0,p=1',
    'm=7,t=1,p=1',
    't=1,p=1',
    'm=1e3,t=1,p=1',
  ])('refuses %s: a foreign file cannot ask for more than this process has', (parameters) => {
    expect(argon2Settings(KNOWN.replace('m=19456,t=2,p=1', parameters))).toBeUndefined();
  });

  it.each([
    [19_455, 2, true],
    [19_456, 1, true],
    [19_456, 2, false],
    [65_536, 3, false],
  ])('%i KiB and %i iterations are weaker: %s', (memory, iterations, weaker) => {
    expect(isWeaker({ memory, iterations, parallelism: 1 })).toBe(weaker);
  });
});
