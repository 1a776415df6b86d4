import { ClaspError, ErrorCode } from '../errors.ts';
import { type ClampOptions, clampTransform } from './clamp.ts';
import { type CurveOptions, curveTransform } from './curve.ts';
import { type DeadzoneOptions, deadzoneTransform } from './deadzone.ts';
import { type ExpressionOptions, expressionTransform } from './expression.ts';
import { type GateOptions, gateTransform } from './gate.ts';
import { type InvertOptions, invertTransform } from './invert.ts';
import { type ModuloOptions, moduloTransform } from './modulo.ts';
import { negateTransform } from './negate.ts';
import { type PowerOptions, powerTransform } from './power.ts';
import { type QuantizeOptions, quantizeTransform } from './quantize.ts';
import { type RoundOptions, roundTransform } from './round.ts';
import { type ScaleOptions, scaleTransform } from './scale.ts';
import { type SmoothOptions, smoothTransform } from './smooth.ts';
import { type ThresholdOptions, thresholdTransform } from './threshold.ts';
import { type ToggleOptions, toggleTransform } from './toggle.ts';
import type { Step, Transform } from './transform.ts';
import { type TriggerOptions, triggerTransform } from './trigger.ts';

/** One entry of a route's `transform`: a `type`, and what that type takes. */
export type TransformConfig =
  | ({ readonly type: 'scale' } & ScaleOptions)
  | ({ readonly type: 'clamp' } & ClampOptions)
  | ({ readonly type: 'invert' } & InvertOptions)
  | { readonly type: 'negate' }
  | ({ readonly type: 'modulo' } & ModuloOptions)
  | ({ readonly type: 'power' } & PowerOptions)
  | ({ readonly type: 'deadzone' } & DeadzoneOptions)
  | ({ readonly type: 'threshold' } & ThresholdOptions)
  | ({ readonly type: 'gate' } & GateOptions)
  | ({ readonly type: 'toggle' } & ToggleOptions)
  | ({ readonly type: 'trigger' } & TriggerOptions)
  | ({ readonly type: 'smooth' } & SmoothOptions)
  | ({ readonly type: 'quantize' } & QuantizeOptions)
  | ({ readonly type: 'round' } & RoundOptions)
  | ({ readonly type: 'curve' } & CurveOptions)
  | ({ readonly type: 'expression' } & ExpressionOptions);

/** The transform that an entry asks for. Throws a `ClaspError` 402 that names the option that makes no sense. */
export function transformOf(config: TransformConfig): Transform {
  switch (config.type) {
    case 'scale':
      return scaleTransform(config);
    case 'clamp':
      return clampTransform(config);
    case 'invert':
      return invertTransform(config);
    case 'negate':
      return negateTransform();
    case 'modulo':
      return moduloTransform(config);
    case 'power':
      return powerTransform(config);
    case 'deadzone':
      return deadzoneTransform(config);
    case 'threshold':
      return thresholdTransform(config);
    case 'gate':
      return gateTransform(config);
    case 'toggle':
      return toggleTransform(config);
    case 'trigger':
      return triggerTransform(config);
    case 'smooth':
      return smoothTransform(config);
    case 'quantize':
      return quantizeTransform(config);
    case 'round':
      return roundTransform(config);
    case 'curve':
      return curveTransform(config);
    case 'expression':
      return expressionTransform(config);
    default: {
      const { type } = config as { readonly type: unknown };
      throw new ClaspError(ErrorCode.BadValue, `there is no transform ${JSON.stringify(type)}`, { value: type });
    }
  }
}

/** One transform after the other; what one holds back, the next does not see. */
export function chain(transforms: readonly Transform[]): Transform {
  const [only] = transforms;
  if (only && transforms.length === 1) return only;
  return {
    open() {
      const steps: readonly Step[] = transforms.map((transform) => transform.open());
      return (value, past = false) => {
        let result = value;
        for (const step of steps) {
          const next = step(result, past);
          if (next === undefined) return undefined;
          result = next;
        }
        return result;
      };
    },
  };
}
