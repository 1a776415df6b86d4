import { describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../errors.ts';
import { CURVES } from './curve.ts';
import { chain, type TransformConfig, transformOf } from './transform-config.ts';

describe('chain', () => {
  it('is one step after the other, and ends where one holds back', () => {
    const configs: TransformConfig[] = [{ type: 'gate', min: 0 }, { type: 'scale', to: [0, 255] }, { type: 'round' }];
    const step = chain(configs.map(transformOf)).open();
    expect([step(0.5), step(-1), step('x')]).toEqual([128, undefined, 'x']);
    expect(chain([]).open()(7)).toBe(7);
  });
});

describe('options that make no sense', () => {
  it.each<[object, string]>([
    [{ type: 'scale', from: [1, 1] }, 'from must be two different numbers, not [1,1]'],
    [{ type: 'clamp', min: 2 }, 'max must be at least min (2), not 1'],
    [{ type: 'modulo', divisor: 0 }, 'divisor must be above 0, not 0'],
    [{ type: 'power', exponent: Number.NaN }, 'exponent must be a number, not null'],
    [{ type: 'deadzone', threshold: -1 }, 'threshold must be 0 or more, not -1'],
    [{ type: 'gate' }, 'gate needs min or max, not {"type":"gate"}'],
    [{ type: 'gate', min: 2, max: 1 }, 'max must be at least min (2), not 1'],
    [{ type: 'smooth', factor: 0 }, 'factor must be above 0 and at most 1, not 0'],
    [{ type: 'quantize', steps: 0 }, 'steps must be a whole number from 1, not 0'],
    [{ type: 'round', decimals: 1.5 }, 'decimals must be a whole number from 0 to 15, not 1.5'],
    [{ type: 'round', mode: 'up' }, 'mode must be nearest, floor or ceil, not "up"'],
    [{ type: 'curve', curve: 'wavy' }, `curve must be one of ${CURVES.join(', ')}, not "wavy"`],
    [
      { type: 'expression', expression: '1+' },
      'expression, character 3: the end where a number, a name or "(" should be',
    ],
    [{ type: 'sparkle' }, 'there is no transform "sparkle"'],
  ])('%j is refused', (config, reason) => {
    const refused = (() => {
      try {
        transformOf(config as TransformConfig);
      } catch (cause) {
        return cause;
      }
      return undefined;
    })();
    expect(refused).toBeInstanceOf(ClaspError);
    expect(refused).toMatchObject({ code: ErrorCode.BadValue, reason });
  });
});
