import { z } from 'zod';
import { ClaspError } from '../../core/errors.ts';
import { DMX_CHANNELS, DmxMapping, type DmxPair } from '../../core/protocols/dmx/dmx-mapping.ts';
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

const channel = z.int().min(1).max(DMX_CHANNELS);
const pair = {
  coarse: channel.describe('channel of the high byte, at whose address the value is'),
  fine: channel.describe('channel of the low byte; the one after coarse if absent').exactOptional(),
};

/** Channels of 16 bits, of a single universe where no universes are given. */
export function pairsField(universes?: readonly [lowest: number, highest: number]): z.ZodType<DmxPair[]> {
  const each: z.ZodType<DmxPair> =
    universes === undefined
      ? z.strictObject(pair)
      : z.strictObject({
          universe: z.int().min(universes[0]).max(universes[1]).describe('every universe if absent').exactOptional(),
          ...pair,
        });
  return z
    .array(each)
    .superRefine((pairs, context) => {
      try {
        new DmxMapping({ namespace: '', pairs, range: universes });
      } catch (cause) {
        context.addIssue({ code: 'custom', message: cause instanceof ClaspError ? cause.reason : String(cause) });
      }
    })
    .describe('channels that are one value of 16 bits: 0 to 65535, or 0.0 to 1.0 with normalize');
}
