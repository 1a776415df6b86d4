import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { JsonFault, type JsonText, readJsonText, type TextPosition, type ValuePath } from './json-text.ts';
import type { RelayConfig } from './relay-config.ts';

/** A mistake in a configuration file, with its place where the file is JSON. */
export interface FileMistake {
  /** The key, as `bridges[0].listen`; empty for the file as a whole. */
  readonly key: string;
  /** What is wrong, with the value, in one line. */
  readonly reason: string;
  readonly value: unknown;
  readonly position: TextPosition | undefined;
}

/** What a configuration file says: either it can be used, or it has mistakes. */
export type ConfigFile =
  | { readonly config: RelayConfig; readonly mistakes: readonly [] }
  | { readonly config: undefined; readonly mistakes: readonly FileMistake[] };

/**
 * Ties the type of a configuration to the object, so that an editor knows its keys; gives it back as it is.
 *
 * @example
 * ```ts
 * export default defineConfig({
 *   bridges: [{ type: 'osc', listen: 8000 }],
 *   routes: [{ from: '/osc/fader/*', to: '/dmx/$1', transform: [{ type: 'scale', to: [0, 255] }] }],
 * });
 * ```
 */
export function defineConfig(config: RelayConfig): RelayConfig {
  return config;
}

/**
 * Reads and checks a configuration file: `.json`, or a module (`.mjs`, `.js`, and `.ts` where Node reads it) whose
 * default export is the configuration. Rejects with a `ClaspError` when the file cannot be read at all: 201 when there
 * is none, 402 when a module fails.
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  switch (extname(path)) {
    case '.json':
      return readJson(await textOf(path));
    case '.mjs':
    case '.js':
    case '.cjs':
    case '.ts':
    case '.mts':
      return readModule(path);
    default:
      throw new ClaspError(ErrorCode.BadValue, `${path}: a configuration is a .json, .mjs, .js or .ts file`);
  }
}

async function readJson(text: string): Promise<ConfigFile> {
  let source: JsonText;
  try {
    source = readJsonText(text);
  } catch (cause) {
    if (!(cause instanceof JsonFault)) throw cause;
    const { message: reason, position } = cause;
    return { config: undefined, mistakes: [{ key: '', reason, value: undefined, position }] };
  }
  // Not before it is wanted: who reads no file needs no schemas.
  const { checkConfig } = await import('./check-config.ts');
  const { config, mistakes } = await checkConfig(source.value, false);
  if (config) return { config, mistakes: [] };
  const placed = mistakes.map(({ path, reason, value, atKey }) => ({
    key: keyOf(path),
    reason,
    value,
    position: source.at(path, atKey),
  }));
  const order = (a: FileMistake, b: FileMistake) =>
    (a.position?.line ?? 0) - (b.position?.line ?? 0) || (a.position?.column ?? 0) - (b.position?.column ?? 0);
  return { config: undefined, mistakes: placed.sort(order) };
}

async function readModule(path: string): Promise<ConfigFile> {
  // Read first: a module that is not there is said in the same words as a JSON file.
  await textOf(path);
  const loaded = await importNow(path);
  const { checkConfig } = await import('./check-config.ts');
  const { config, mistakes } = await checkConfig(loaded, true);
  if (config) return { config, mistakes: [] };
  return {
    config: undefined,
    mistakes: mistakes.map(({ path: where, reason, value }) => ({
      key: keyOf(where),
      reason,
      value,
      position: undefined,
    })),
  };
}

/** The default export as it is now: a module is kept by its URL, so each reading asks for another one. */
async function importNow(path: string): Promise<unknown> {
  const url = pathToFileURL(resolve(path));
  url.searchParams.set('read', String(performance.now()));
  try {
    const module: { readonly default?: unknown } = await import(url.href);
    if (module.default !== undefined) return module.default;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_UNKNOWN_FILE_EXTENSION') {
      throw new ClaspError(
        ErrorCode.BadValue,
        `${path}: Node ${process.version} does not read TypeScript; use Node 22.18 or later, or a .mjs file`,
        { cause },
      );
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClaspError(ErrorCode.BadValue, `${path}: the module fails: ${reason}`, { cause });
  }
  throw new ClaspError(ErrorCode.BadValue, `${path}: the module has no default export, which is the configuration`);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT') throw new ClaspError(ErrorCode.NotFound, `there is no file ${path}`, { cause });
    throw new ClaspError(ErrorCode.NotFound, `${path} cannot be read (${String(code ?? cause)})`, { cause });
  }
}

/** `['bridges', 0, 'listen']` as `bridges[0].listen`. */
function keyOf(path: ValuePath): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      const name = /^[\w$-]+$/.test(part) ? part : JSON.stringify(part);
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}
