import type { Answer } from '../answer.ts';

/** What a password was found to be. */
export type PasswordVerdict = 'right' | 'right, but weakly kept' | 'wrong';

/** Hashes passwords, slowly, off the thread that serves others. */
export interface PasswordHasher {
  /** The PHC text of a password. Rejects with a `ClaspError` 503 where too many wait. */
  hash(password: string): Answer<string>;
  /** Never rejects for a PHC text, however broken: then it is `wrong`. */
  verify(password: string, phc: string): Answer<PasswordVerdict>;
}

/** How a password is kept: argon2id, version 19. */
export interface Argon2Settings {
  /** KiB. */
  readonly memory: number;
  readonly iterations: number;
  readonly parallelism: number;
}

/** What new passwords are kept with. */
export const ARGON2: Argon2Settings = { memory: 19_456, iterations: 2, parallelism: 1 };
const MOST: Argon2Settings = { memory: 262_144, iterations: 10, parallelism: 4 };

/**
 * A PHC text whose password nobody knows, of the same settings: a login of an unknown name is checked against it, so
 * that it takes as long as one of a known name.
 */
export const NOBODYS_PASSWORD =
  '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

/**
 * The settings in a PHC text, its parameters in any order; undefined for another algorithm or version, and for more
 * than 256 MiB, 10 iterations or 4 lanes, which would let a file of others stop this process.
 */
export function argon2Settings(phc: string): Argon2Settings | undefined {
  const [empty, name, version, list = '', salt = '', hash = '', ...rest] = phc.split('$');
  if (empty !== '' || name !== 'argon2id' || version !== 'v=19' || rest.length > 0) return undefined;
  if (!/^[A-Za-z0-9+/]{11,64}$/.test(salt) || !/^[A-Za-z0-9+/]{16,172}$/.test(hash)) return undefined;
  const values = new Map(list.split(',').map((pair) => pair.split('=') as [string, string]));
  const number = (key: string): number => (/^\d{1,6}$/.test(values.get(key) ?? '') ? Number(values.get(key)) : 0);
  const settings = { memory: number('m'), iterations: number('t'), parallelism: number('p') };
  const { memory, iterations, parallelism } = settings;
  if (values.size !== 3 || memory < 8 * parallelism || iterations < 1 || parallelism < 1) return undefined;
  if (memory > MOST.memory || iterations > MOST.iterations || parallelism > MOST.parallelism) return undefined;
  return settings;
}

/** Whether a password kept with these settings is to be kept anew at its next login. */
export function isWeaker({ memory, iterations }: Argon2Settings): boolean {
  return memory < ARGON2.memory || iterations < ARGON2.iterations;
}
