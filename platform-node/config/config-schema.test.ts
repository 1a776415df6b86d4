import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allBridgeTypes } from './check-config.ts';
import { configJsonSchema } from './config-schema.ts';

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly const?: unknown;
  readonly additionalProperties?: unknown;
}

const schema = async () => configJsonSchema(await allBridgeTypes()) as Schema;

describe('config.schema.json', () => {
  it('is what the schemas say; `node scripts/config-schema.mjs` writes it anew after a build', async () => {
    const written: unknown = JSON.parse(readFileSync(join(import.meta.dirname, '../../config.schema.json'), 'utf8'));
    expect(written).toEqual(JSON.parse(JSON.stringify(await schema())));
  });

  it('describes every key of the relay and of every kind of bridge', async () => {
    const whole = await schema();
    const kinds = whole.properties?.['bridges']?.items?.oneOf ?? [];
    expect(kinds).toHaveLength((await allBridgeTypes()).length);
    for (const { properties = {}, additionalProperties } of [whole, ...kinds]) {
      expect(additionalProperties).toBe(false);
      for (const [key, { description, const: fixed }] of Object.entries(properties)) {
        if (fixed === undefined) expect(description, key).toBeTruthy();
      }
    }
  });
});
