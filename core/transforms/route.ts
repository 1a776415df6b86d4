import { type AddressTemplate, addressTemplate } from '../address/address-template.ts';
import { compilePattern, type Pattern } from '../address/pattern.ts';
import type { Transform } from './transform.ts';
import { chain, type TransformConfig, transformOf } from './transform-config.ts';

/** One entry of `routes`: what is written where, and how it changes on the way. */
export interface RouteConfig {
  /** Which addresses are listened to. */
  readonly from: string;
  /** What is written: an address in which `$1`, `$2` … stand for what the wildcards of `from` stood for. */
  readonly to: string;
  /** What happens to the value on the way, in order. @defaultValue nothing */
  readonly transform?: readonly TransformConfig[];
  /** As what it is written. @defaultValue as what it came: params stay params, events stay events */
  readonly as?: 'param' | 'event' | 'stream';
}

/** A route that can be followed. */
export interface Route {
  readonly config: RouteConfig;
  readonly from: Pattern;
  readonly to: AddressTemplate;
  readonly transform: Transform;
}

/** For logs: where from, where to. */
export function routeName({ from, to }: RouteConfig): string {
  return `${from} -> ${to}`;
}

/**
 * Reads a route. Throws a `ClaspError` that says what is wrong: 202 for `from`, 200 and 402 for `to`, 402 for a
 * transform.
 */
export function compileRoute(config: RouteConfig): Route {
  const from = compilePattern(config.from);
  const to = addressTemplate(config.to, from);
  return { config, from, to, transform: chain((config.transform ?? []).map(transformOf)) };
}
