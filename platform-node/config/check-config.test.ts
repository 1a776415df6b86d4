import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkConfig } from './check-config.ts';
import { checkRelayConfig } from './relay-config.ts';

const WHOLE = {
  name: 'Venue',
  port: 7330,
  params: [{ pattern: '/faders/*', range: [0, 1], ttl: { seconds: 5, mode: 'sliding' } }],
  bridges: [
    {
      name: 'osc',
      type: 'osc',
      listen: 8000,
      targets: ['127.0.0.1:9000', { to: 'localhost:1', hints: { '/led/*': 'i' } }],
    },
    { type: 'midi', input: 'nanoKONTROL2', device: 'desk' },
    { type: 'mqtt', url: 'mqtt://localhost:1883', subscribe: ['sensors/#'] },
    { type: 'artnet', universes: [0, 1], mode: 'channel' },
    { type: 'http', port: 8080, polls: [{ url: 'http://localhost/', to: '/a', every: 1 }] },
  ],
  routes: [
    {
      from: '/a/*',
      to: '/b/$1',
      transform: [
        { type: 'scale', to: [0, 255] },
        { type: 'expression', expression: 'x + 1' },
      ],
    },
  ],
};

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Every path to a value of the configuration. */
const paths = (value: unknown, path: (string | number)[] = []): (string | number)[][] => {
  if (typeof value !== 'object' || value === null) return [path];
  return [
    path,
    ...Object.entries(value).flatMap(([key, item]) => paths(item, [...path, Array.isArray(value) ? Number(key) : key])),
  ];
};

/** The configuration with something else at one place. */
const changed = (path: readonly (string | number)[], put: Json): unknown => {
  if (path.length === 0) return put;
  const whole = structuredClone(WHOLE) as unknown as Record<string | number, never>;
  let inner = whole as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) inner = inner[part] as Record<string | number, unknown>;
  inner[path.at(-1) as string] = put;
  return whole;
};

describe('checking a configuration', () => {
  it('gives back what has no mistakes', async () => {
    expect(await checkConfig(WHOLE, false)).toEqual({ config: WHOLE, mistakes: [] });
  });

  it('takes any value where a transform writes one, lists and maps too', async () => {
    const route = (above: unknown) => ({
      routes: [{ from: '/a', to: '/b', transform: [{ type: 'threshold', above, below: { on: [false, null] } }] }],
    });
    for (const value of [[255, 0, 0], { on: true }, 'on', null, 1.5, true])
      expect(await checkConfig(route(value), false)).toMatchObject({ config: route(value), mistakes: [] });
    const { mistakes } = await checkConfig(
      route(() => 1),
      false,
    );
    expect(mistakes).toEqual([expect.objectContaining({ path: ['routes', 0, 'transform', 0, 'above'] })]);
  });

  it('never fails, whatever stands in whichever place; what it lets pass can be started', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths(WHOLE)), fc.jsonValue(), async (path, put) => {
        const { config, mistakes } = await checkConfig(changed(path, put as Json), false);
        if (config) checkRelayConfig(config);
        for (const { reason, path: where } of mistakes) {
          expect(reason).toMatch(/^[^\n]{3,}$/);
          expect(Array.isArray(where)).toBe(true);
        }
        expect(config === undefined).toBe(mistakes.length > 0);
      }),
    );
  });

  it('points at the place that is wrong', async () => {
    const wrong = { nothing: 'of that kind' };
    for (const path of paths(WHOLE)) {
      if (path.at(-1) === 'hints' || path.at(-2) === 'hints') continue;
      const { mistakes } = await checkConfig(changed(path, wrong), false);
      const near = mistakes.some(({ path: where }) => {
        const common = Math.min(path.length, where.length);
        return common >= path.length - 1 && path.slice(0, common).every((part, index) => where[index] === part);
      });
      expect([path, near]).toEqual([path, true]);
    }
  });
});
