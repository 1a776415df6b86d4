import { type AnyBridgeType, bridgeTypes, isBridgeType } from '../bridges/bridge-types.ts';
import { type ConfigMistake, mistakesOf, plainMessages } from './config-mistakes.ts';
import { configSchema } from './config-schema.ts';
import type { RelayConfig } from './relay-config.ts';

/** What became of a configuration: either it can be used, or it has mistakes. */
export type CheckedConfig =
  | { readonly config: RelayConfig; readonly mistakes: readonly [] }
  | { readonly config: undefined; readonly mistakes: readonly ConfigMistake[] };

/**
 * Checks a whole configuration, and finds all of its mistakes. Loads the kinds of bridges that it names, and opens
 * nothing. `code` admits functions, which only a program can give.
 */
export async function checkConfig(value: unknown, code: boolean): Promise<CheckedConfig> {
  const types = await Promise.all(namedTypes(value).map((type) => bridgeTypes[type]()));
  const known = types.length > 0 ? types : [await bridgeTypes.osc()];
  const result = configSchema(known, code).safeParse(value, plainMessages);
  const found = result.success ? [] : mistakesOf(result.error.issues, Object.keys(bridgeTypes));
  const mistakes = [...(code ? found : found.map(forModules)), ...twice(value)];
  if (mistakes.length > 0) return { config: undefined, mistakes };
  const { $schema: _, ...config } = value as RelayConfig & { readonly $schema?: string };
  return { config, mistakes: [] };
}

/** Every kind of bridge, loaded. */
export function allBridgeTypes(): Promise<readonly AnyBridgeType[]> {
  return Promise.all(Object.values(bridgeTypes).map((load) => load()));
}

interface Entry {
  readonly type?: unknown;
  readonly name?: unknown;
}

function entriesOf(value: unknown): readonly Entry[] {
  const bridges = (value as { readonly bridges?: unknown } | null | undefined)?.bridges;
  return Array.isArray(bridges) ? bridges.filter((entry) => typeof entry === 'object' && entry !== null) : [];
}

function namedTypes(value: unknown): readonly (keyof typeof bridgeTypes)[] {
  const types = new Set(entriesOf(value).map(({ type }) => String(type)));
  return [...types].filter(isBridgeType);
}

/** A key that only a module can have is a known one, in the wrong file. */
function forModules(mistake: ConfigMistake): ConfigMistake {
  const key = mistake.path.join('.');
  if (!mistake.atKey || !/^(authenticate|params\.\d+\.merge)$/.test(key)) return mistake;
  return { ...mistake, reason: 'is a function, which JSON does not have; use a .mjs file' };
}

/** Two bridges of one name could not be told apart. */
function twice(value: unknown): readonly ConfigMistake[] {
  const names = new Map<string, number>();
  return entriesOf(value).flatMap(({ type, name = type }, index) => {
    if (typeof name !== 'string') return [];
    const first = names.get(name);
    if (first === undefined) {
      names.set(name, index);
      return [];
    }
    const reason = `bridges[${first}] is named ${JSON.stringify(name)} already; give each its own "name"`;
    return [{ path: ['bridges', index, 'name'], reason, value: name, atKey: false }];
  });
}
