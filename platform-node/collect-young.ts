import v8 from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { readonly type: 'minor' }) => void;

let collect: Collect | undefined;

/**
 * Has V8 collect young garbage now, some milliseconds at most; does nothing where the engine cannot be asked to. For the
 * router's `collectYoung`.
 *
 * @example
 * ```ts
 * collectYoung();
 * ```
 */
export function collectYoung(): void {
  collect ??= find();
  collect({ type: 'minor' });
}

/** V8 gives the function to contexts that are made while it is told to: https://nodejs.org/api/v8.html#v8setflagsfromstringflags */
function find(): Collect {
  try {
    v8.setFlagsFromString('--expose-gc');
    const found = runInNewContext('gc') as Collect;
    v8.setFlagsFromString('--no-expose-gc');
    return found;
  } catch {
    return () => undefined;
  }
}
