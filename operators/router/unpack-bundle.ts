import type { AddressTable } from '../../core/address-table.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { StoredParam } from '../../core/param.ts';
import { bundledFrames, type Frame, publishAsSet, signalCode } from '../../core/wire/index.ts';
import { type Entry, Envelope, kindOf } from './envelope.ts';
import type { Session } from './session-state.ts';

const PARAM = signalCode('param');

/**
 * The messages of a BUNDLE as envelopes of their own, at QoS 0: the bundle is acknowledged, not its parts.
 *
 * Throws a `ClaspError`: 101 for a part that cannot be read, is neither SET nor PUBLISH, or publishes a param without a
 * value, 200 for one whose address is none; with the address, where it is known.
 */
export function unpackBundle(
  table: AddressTable<StoredParam>,
  session: Session,
  bundle: Frame,
  at: number,
): readonly Envelope[] {
  const parts: Envelope[] = [];
  for (const frame of bundledFrames(bundle, 0)) {
    const kind = kindOf(frame.type);
    if (kind !== 'SET' && kind !== 'PUBLISH') {
      const address = frame.address || undefined;
      throw new ClaspError(ErrorCode.BadMessage, `a bundle takes SET and PUBLISH, not ${kind}`, { address });
    }
    const entry = intern(table, frame);
    const writes = kind === 'PUBLISH' && frame.signal === PARAM;
    parts.push(new Envelope(writes ? 'SET' : kind, session, writes ? publishAsSet(frame) : frame, entry, at));
  }
  return parts;
}

function intern(table: AddressTable<StoredParam>, frame: Frame): Entry {
  try {
    return table.intern(frame.bytes, frame.addressStart, frame.addressEnd);
  } catch (cause) {
    const { code, reason } = ClaspError.from(cause, ErrorCode.BadAddress);
    throw new ClaspError(code, reason, { address: frame.address, cause });
  }
}
