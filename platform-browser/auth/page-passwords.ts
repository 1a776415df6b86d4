import {
  ARGON2,
  argon2Settings,
  isWeaker,
  NOBODYS_PASSWORD,
  type PasswordHasher,
} from '../../core/auth/password-hasher.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';

const SALT_BYTES = 16;
const HASH_BYTES = 32;
const MOST_WAITING = 64;

/**
 * Hashes passwords with argon2id for a relay in a tab, one after the other; each takes the page a tenth of a second.
 * More than 64 at a time are rejected with a `ClaspError` 503. The package is loaded when it is first needed.
 */
export function pagePasswords(): PasswordHasher {
  let waiting = 0;
  let last: Promise<unknown> = Promise.resolve();

  const inTurn = async <T>(work: (hashes: typeof import('hash-wasm')) => Promise<T>): Promise<T> => {
    if (waiting >= MOST_WAITING) {
      throw new ClaspError(ErrorCode.Overloaded, 'too many logins at once: try again in a moment');
    }
    waiting++;
    const turn = last.then(async () => work(await import('hash-wasm')));
    last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      waiting--;
    }
  };

  return {
    hash: (password) =>
      inTurn(({ argon2id }) =>
        argon2id({
          password,
          salt: crypto.getRandomValues(new Uint8Array(SALT_BYTES)),
          iterations: ARGON2.iterations,
          parallelism: ARGON2.parallelism,
          memorySize: ARGON2.memory,
          hashLength: HASH_BYTES,
          outputType: 'encoded',
        }),
      ),
    verify: async (password, phc) => {
      const settings = argon2Settings(phc);
      const right = await inTurn(({ argon2Verify }) =>
        argon2Verify({ password, hash: settings ? phc : NOBODYS_PASSWORD }).catch(() => false),
      );
      if (!settings || !right) return 'wrong';
      return isWeaker(settings) ? 'right, but weakly kept' : 'right';
    },
  };
}
