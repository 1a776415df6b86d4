import type { Arbitrary, default as FastCheck } from 'fast-check';
import { ClaspError, ErrorCode } from '../core/errors.ts';

/** What fast-check looks for to print a value; the same as its `toStringMethod`, which may not be there. */
export const toStringMethod: unique symbol = Symbol.for('fast-check/toStringMethod') as never;

/** How the package is loaded. */
type Load = () => Promise<{ readonly default: typeof FastCheck }>;

/**
 * The package fast-check, or, where it is not installed, something that throws a `ClaspError` 501 with the install
 * command as soon as it is used: whoever needs no arbitraries needs no package.
 */
export async function loadFastCheck(load: Load): Promise<typeof FastCheck> {
  try {
    return (await load()).default;
  } catch (cause) {
    return absent(() => {
      const reason = 'arbitraries need the package fast-check: npm install -D fast-check';
      return new ClaspError(ErrorCode.NotEnabled, reason, { cause });
    });
  }
}

/** fast-check as it is installed here. */
export const fc: typeof FastCheck = await loadFastCheck(() => import('fast-check'));

/** An arbitrary that is a constant: made now, or, without fast-check, one that throws when it is used. */
export function constantArbitrary<T>(make: () => Arbitrary<T>): Arbitrary<T> {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof ClaspError)) throw cause;
    return absent(() => cause);
  }
}

/** Has the type of what is missing, and throws when anything of it is touched. */
function absent<T extends object>(error: () => ClaspError): T {
  const touched = (): never => {
    throw error();
  };
  // Whoever awaits it looks whether it is a promise.
  const get = (_: object, key: string | symbol) => (key === 'then' ? undefined : touched());
  return new Proxy({}, { get, has: touched, ownKeys: touched }) as T;
}
