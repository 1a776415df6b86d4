import { readU16, readU64 } from '../../core/wire/bytes.ts';
import { FrameFlag, MessageCode, SetFlag } from '../../core/wire/codes.ts';
import { isInProcess, readInProcess } from '../../core/wire/in-process.ts';
import type { AckMessage, SetMessage } from '../../core/wire/message.ts';
import { decodeRelayFrame, type RelayMessage } from '../../core/wire/relay-frame.ts';
import { readValue } from '../../core/wire/value.ts';

/** The address whose UTF-8 is `bytes[start..end)`: best the same string each time, whose hash is known then. */
export type AddressReader = (bytes: Uint8Array, start: number, end: number) => string;

const HEADER = 4;
/** Header, type byte, flags and count of a BUNDLE. */
const FIRST_PART = HEADER + 4;
/** What is present in the ACK of a write, and where its address begins: header, type byte, flags and length. */
const ADDRESS_AND_REVISION = 3;
const ADDRESS_OF_ACK = HEADER + 4;

/**
 * A reader of what a relay of this package sends to clients in its own process: `decodeRelayFrame`, but writes, alone
 * and in bundles, and the answers to them are read without checking what the relay has checked or written itself.
 */
export function relaySignals(addressOf: AddressReader): typeof decodeRelayFrame {
  const readSet = (bytes: Uint8Array, start: number, end: number): SetMessage => {
    const flags = bytes[start + 1] as number;
    const addressStart = start + 4;
    const addressEnd = addressStart + readU16(bytes, start + 2);
    const value = readValue(bytes, addressEnd, flags & 0x0f);
    const address = addressOf(bytes, addressStart, addressEnd);
    return { type: 'SET', address, value, revision: readU64(bytes, end - 8) };
  };

  /** The messages of a BUNDLE that has nothing but writes in it; undefined of any other. */
  const readSets = (bytes: Uint8Array): SetMessage[] | undefined => {
    const messages: SetMessage[] = [];
    for (let at = FIRST_PART; at < bytes.length; ) {
      const start = at + 2;
      at = start + readU16(bytes, at);
      if (!isWrite(bytes, start)) return undefined;
      messages.push(readSet(bytes, start, at));
    }
    return messages;
  };

  /** The answer to a write: address and revision. */
  const readAck = (bytes: Uint8Array): AckMessage => {
    const addressEnd = bytes.length - 8;
    return { type: 'ACK', address: addressOf(bytes, ADDRESS_OF_ACK, addressEnd), revision: readU64(bytes, addressEnd) };
  };

  return (bytes) => {
    if (isInProcess(bytes)) return { message: readInProcess(bytes), timestamp: undefined };
    const plain = ((bytes[1] as number) & FrameFlag.Timestamp) === 0;
    let message: RelayMessage | undefined;
    if (plain && isWrite(bytes, HEADER)) {
      message = readSet(bytes, HEADER, bytes.length);
    } else if (plain && bytes[HEADER] === MessageCode.Ack && bytes[HEADER + 1] === ADDRESS_AND_REVISION) {
      message = readAck(bytes);
    } else if (plain && bytes[HEADER] === MessageCode.Bundle && bytes[HEADER + 1] === 0) {
      const messages = readSets(bytes);
      if (messages) message = { type: 'BUNDLE', timestamp: undefined, messages };
    }
    return message ? { message, timestamp: undefined } : decodeRelayFrame(bytes);
  };
}

/** Whether a message is a SET as the relay delivers it: with a revision and nothing else. */
function isWrite(bytes: Uint8Array, start: number): boolean {
  return bytes[start] === MessageCode.Set && ((bytes[start + 1] as number) & 0xf0) === SetFlag.Revision;
}
