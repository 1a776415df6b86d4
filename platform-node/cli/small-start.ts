import { setFlagsFromString } from 'node:v8';

/**
 * Loads code without letting the heap grow for it: what is needed once, to read some hundred modules, would stay with a
 * process that then idles for weeks. Young memory does not double and nothing is optimised until it is loaded; then
 * both go on as V8 has them by default.
 */
export async function loadSmall<T>(load: () => Promise<T>): Promise<T> {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--no-opt');
  try {
    return await load();
  } finally {
    setFlagsFromString('--semi-space-growth-factor=2');
    setFlagsFromString('--opt');
  }
}
