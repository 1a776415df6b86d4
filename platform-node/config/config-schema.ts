import { z } from 'zod';
import { addressTemplate } from '../../core/address/address-template.ts';
import { checkPattern, compilePattern } from '../../core/address/pattern.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { RouteConfig } from '../../core/transforms/route.ts';
import type { AnyBridgeType } from '../bridges/bridge-types.ts';
import { authField, networkField } from './auth-fields.ts';
import { patternField, portField } from './config-fields.ts';
import { transformSchema } from './transform-schema.ts';

/** What only a program can give: a function. */
const functionField = z.custom<(...args: never[]) => unknown>((value) => typeof value === 'function', {
  error: 'must be a function',
});

const route: z.ZodType<RouteConfig> = z
  .strictObject({
    from: patternField.describe('which addresses are listened to; * is one segment, ** any number'),
    to: z.string().describe('the address that is written; $1, $2 stand for what the wildcards of from stood for'),
    transform: z.array(transformSchema).describe('what happens to the value on the way, in order').exactOptional(),
    as: z
      .enum(['param', 'event', 'stream'])
      .describe('as what it is written; as what it came if absent')
      .exactOptional(),
  })
  .superRefine(({ from, to }, context) => {
    if (checkPattern(from)) return; // said already
    try {
      addressTemplate(to, compilePattern(from));
    } catch (cause) {
      const { reason } = ClaspError.from(cause, ErrorCode.BadValue);
      context.addIssue({ code: 'custom', path: ['to'], message: reason, input: to });
    }
  });

const seconds = z.number().min(0).max(0x7fff_ffff);
const paramRule = {
  pattern: patternField.describe('which params'),
  strategy: z
    .enum(['lww', 'max', 'min', 'lock', 'merge'])
    .describe('who wins: the last write, the extreme number, the first writer, or both; lww if absent')
    .exactOptional(),
  range: z
    .tuple([z.number(), z.number()])
    .refine(([least, most]) => least <= most, 'must be [min, max], the smaller number first')
    .describe('smallest and largest number; one outside is refused')
    .exactOptional(),
  ttl: z
    .union([seconds, z.strictObject({ seconds, mode: z.enum(['sliding', 'absolute']) })])
    .describe('seconds that a param lives after it was last written or read, or seconds and mode; 0 = for ever')
    .exactOptional(),
};

const limit = (what: string) => z.number().min(0).describe(what).exactOptional();

/**
 * What a configuration may say, with these kinds of bridges. `code` admits what only a program can give, as a function
 * that decides about tokens.
 */
export function configSchema(types: readonly AnyBridgeType[], code: boolean): z.ZodObject {
  const [first, ...others] = types.map(({ schema }) => schema as unknown as z.core.$ZodTypeDiscriminable);
  const bridge = first ? z.discriminatedUnion('type', [first, ...others]) : z.never();
  const rule = code ? { ...paramRule, merge: functionField.optional() } : paramRule;

  return z.strictObject({
    $schema: z.string().describe('where this description is, for editors').exactOptional(),
    name: z.string().min(1).describe('told to every client; "clasp-rx" if absent').exactOptional(),
    host: z
      .string()
      .min(1)
      .describe('address to bind to; "localhost", which only this machine reaches, if absent')
      .exactOptional(),
    port: portField.describe('TCP port for WebSocket and HTTP; 0 takes a free one; 7330 if absent').exactOptional(),
    cors: z
      .array(z.string())
      .describe('origins of web pages that may use HTTP on this port, or "*"; none if absent')
      .exactOptional(),
    auth: authField.describe('who comes in, and what they may; everybody and everything if absent').exactOptional(),
    origins: z
      .union([z.literal('auto'), z.literal('*'), z.array(z.string().min(1))])
      .describe('origins of web pages that may connect, "*" for all; "auto", see security.md, if absent')
      .exactOptional(),
    hosts: z
      .array(z.string().min(1))
      .describe('names by which an open relay may be asked for, beside this machine and local ones; none if absent')
      .exactOptional(),
    trustProxy: z
      .array(networkField)
      .describe('networks of proxies whose X-Forwarded-For and -Proto are believed; none if absent')
      .exactOptional(),
    params: z
      .array(z.strictObject(rule))
      .describe('what holds for which params; the first that matches an address counts')
      .exactOptional(),
    bridges: z.array(bridge).describe('other protocols to join').exactOptional(),
    routes: z.array(route).describe('what is written where, beside the bridges').exactOptional(),
    maxSessions: limit('sessions at a time, bridges not counted; 0 = unlimited; 0 if absent'),
    sessionTimeout: limit('milliseconds of silence after which a session ends; 0 = never; 300000 if absent'),
    maxMessagesPerSecond: limit('messages a second that one session may send; 0 = unlimited; 0 if absent'),
    maxSubscriptions: limit('subscriptions that one session may have; 0 = unlimited; 10000 if absent'),
    maxParams: limit('params at a time; 0 = unlimited; 0 if absent'),
    onFull: z
      .enum(['lru', 'oldest', 'reject'])
      .describe('what happens to a new param when there are maxParams; "lru" if absent')
      .exactOptional(),
    ...(code ? { authenticate: functionField.optional() } : {}),
  });
}

/** The same as JSON Schema, for editors. */
export function configJsonSchema(types: readonly AnyBridgeType[]): object {
  const { $schema, ...rest } = z.toJSONSchema(configSchema(types, false), { io: 'input', unrepresentable: 'any' });
  return { $schema, title: 'Configuration of clasp-rx', ...rest };
}
