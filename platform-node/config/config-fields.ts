import { z } from 'zod';
import { checkAddress, checkPattern } from '../../core/address/address.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { parseHostPort } from '../host-port.ts';

/** Text that a function of ours reads: what it throws, or gives, is what is wrong with the text. */
export function textReadBy(read: (text: string) => unknown): z.ZodType<string> {
  return z.string().superRefine((text, context) => {
    const fault = faultOf(read, text);
    if (fault) context.addIssue({ code: 'custom', message: fault.reason, input: text });
  });
}

function faultOf(read: (text: string) => unknown, text: string): ClaspError | undefined {
  try {
    const result = read(text);
    return result instanceof ClaspError ? result : undefined;
  } catch (cause) {
    return ClaspError.from(cause, ErrorCode.BadValue);
  }
}

/** A TCP or UDP port. */
export const portField: z.ZodType<number> = z.int().min(0).max(65_535);

/** A port, `host:port`, or `false` for none. */
export const listenField: z.ZodType<number | string | false> = z.union([
  portField,
  textReadBy((text) => parseHostPort(text, '0.0.0.0')),
  z.literal(false),
]);

/** `host:port`. */
export const hostPortField: z.ZodType<string> = textReadBy((text) => parseHostPort(text));

/** A CLASP address. */
export const addressField: z.ZodType<string> = textReadBy(checkAddress);

/** Where a bridge's addresses begin: an address, or `''` for the root. */
export const namespaceField: z.ZodType<string> = textReadBy((text) => (text === '' ? undefined : checkAddress(text)));

/** A CLASP pattern. */
export const patternField: z.ZodType<string> = textReadBy(checkPattern);

/** The name of a bridge, which becomes a part of addresses. */
export const nameField: z.ZodType<string> = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^/*\s]+$/, 'must be one segment of an address: no slash, star or space');
