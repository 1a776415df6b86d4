import { z } from 'zod';
import { MAX_RATE } from '../bridges/dmx-options.ts';
import { parseHostPort } from '../host-port.ts';
import { textReadBy } from './config-fields.ts';

/** `host`, or `host:port`. */
export const hostField: z.ZodType<string> = textReadBy((text) =>
  parseHostPort(/:\d+$/.test(text) ? text : `${text}:1`),
);

export const modeField: z.ZodType<'channel' | 'universe'> = z
  .enum(['channel', 'universe'])
  .describe('what comes in: changed channels as params, or whole frames as a stream of bytes; channel if absent');

export const rateField: z.ZodType<number> = z
  .number()
  .positive()
  .max(MAX_RATE)
  .describe('frames a second of one universe at most; 44 if absent');

export const keepAliveField: z.ZodType<number> = z
  .number()
  .min(0)
  .describe('milliseconds after which a universe without changes is sent again; about 1000 if absent');

export const mergeField: z.ZodType<'htp' | 'ltp'> = z.enum(['htp', 'ltp']);
