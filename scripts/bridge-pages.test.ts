// Every key of a bridge's entry is explained on its page, and the tables of options name no other.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bridgeTypes } from '../platform-node/bridges/bridge-types.ts';
import { root } from './public-names.ts';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** Keys of the entry, and keys within them. */
function keysOf(schema: Schema): string[] {
  const own = Object.keys(schema.properties ?? {});
  const inner = [...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? []), schema.items ?? {}];
  return inner.every((each) => Object.keys(each).length === 0) ? own : [...own, ...inner.flatMap(keysOf)];
}

/** The names in the first column of the tables whose first column is headed `option`, or with the name of an option. */
function optionsOf(page: string): string[] {
  const tables = [...page.matchAll(/^\| (option|`\w+`) \|.*\n\|---.*\n((?:\|.*\n)+)/gm)];
  return tables.flatMap(([, , rows = '']) =>
    [...rows.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
    ),
  );
}

const pages: Readonly<Record<string, string>> = { 'mqtt-server': 'mqtt' };

describe.each(Object.entries(bridgeTypes))('the page of %s', (type, load) => {
  const page = readFileSync(join(root, `docs/bridges/${pages[type] ?? type}.md`), 'utf8');

  it('explains every key of the schema', async () => {
    const described = z.toJSONSchema((await load()).schema, { io: 'input', unrepresentable: 'any' }) as Schema;
    const written = new Set([...page.matchAll(/`[^`\n]+`/g)].flatMap(([code]) => code.match(/\w+/g) ?? []));
    const own = Object.keys(described.properties ?? {}).filter((key) => key !== 'type' && key !== 'name');
    const listed = optionsOf(page);
    expect(own.filter((key) => !listed.includes(key))).toEqual([]);
    expect(keysOf(described).filter((key) => key !== 'type' && key !== 'name' && !written.has(key))).toEqual([]);
  });

  it('lists no option that the schema does not have', async () => {
    const sharing = Object.keys(bridgeTypes).filter((other) => (pages[other] ?? other) === (pages[type] ?? type));
    const keys = await Promise.all(
      sharing.map(async (other) => {
        const kind = await bridgeTypes[other as keyof typeof bridgeTypes]();
        return keysOf(z.toJSONSchema(kind.schema, { io: 'input', unrepresentable: 'any' }) as Schema);
      }),
    );
    const known = new Set(keys.flat());
    expect(optionsOf(page).filter((name) => !known.has(name))).toEqual([]);
  });
});
