import { clip, MAX_ADDRESS_BYTES } from '../address.ts';
import type { ClaspError } from '../errors.ts';
import { encodeMessage } from './encode.ts';

/** The longest text of an ERROR, in UTF-16 units. */
const MAX_REASON = 1024;

/**
 * The frame of an ERROR. The reason and the address may hold what a peer sent, of any length: both are cut, so that they
 * fit a frame. An address that is one is never cut.
 */
export function encodeError({ code, reason, address }: ClaspError, correlationId?: number): Uint8Array {
  const message = clip(reason, MAX_REASON);
  const about = address === undefined ? undefined : clip(address, MAX_ADDRESS_BYTES);
  return encodeMessage({ type: 'ERROR', code, message, address: about, correlationId });
}
