import { GESTURE_PHASES, MessageCode, PublishFlag, SetFlag, SIGNAL_KINDS } from './codes.ts';
import type { Frame } from './frame.ts';
import { readU16, readU32, readU64 } from './numbers.ts';
import { badMessage, cut, hex, skipString, skipValue } from './value.ts';

/** A frame while its fields are being filled in. */
export type Draft = { -readonly [Field in keyof Frame]: Frame[Field] };

/** Fills in what the first step of decoding finds out; a `ClaspError` 101 when the message cannot be understood. */
export function firstStep(frame: Draft): void {
  switch (frame.type) {
    case MessageCode.Set:
      set(frame);
      break;
    case MessageCode.Publish:
      publish(frame);
      break;
    case MessageCode.Get:
    case MessageCode.Query:
      address(frame, frame.start + 1);
      break;
    case MessageCode.Subscribe:
      subscribe(frame);
      break;
    case MessageCode.Replay:
      replay(frame);
      break;
    case MessageCode.Hello:
    case MessageCode.Welcome:
    case MessageCode.Announce:
    case MessageCode.FederationSync:
    case MessageCode.Unsubscribe:
    case MessageCode.Snapshot:
    case MessageCode.Bundle:
    case MessageCode.Sync:
    case MessageCode.Ping:
    case MessageCode.Pong:
    case MessageCode.Ack:
    case MessageCode.Error:
    case MessageCode.Result:
      break;
    default:
      throw badMessage(`unknown message type ${hex(frame.type)}`);
  }
}

function set(frame: Draft): void {
  const { bytes, end } = frame;
  const flags = byteAt(frame, frame.start + 1);
  frame.flags = flags;
  let at = address(frame, frame.start + 2);
  frame.valueCode = flags & 0x0f;
  frame.valueStart = at;
  at = skipValue(bytes, at, end, frame.valueCode, 0);
  frame.valueEnd = at;
  if (flags & SetFlag.Revision) {
    if (at + 8 > end) throw cut();
    frame.revision = readU64(bytes, at);
    at += 8;
  }
  if (flags & SetFlag.Ttl) {
    if (at + 4 > end) throw cut();
    frame.ttl = readU32(bytes, at);
  }
}

function publish(frame: Draft): void {
  const { bytes, end } = frame;
  const flags = byteAt(frame, frame.start + 1);
  frame.flags = flags;
  frame.signal = flags >>> 5;
  frame.phase = flags & 0x07;
  if (frame.signal >= SIGNAL_KINDS.length) throw badMessage(`unknown signal kind ${frame.signal}`);
  if (frame.phase >= GESTURE_PHASES.length) throw badMessage(`unknown gesture phase ${frame.phase}`);
  let at = slot(frame, address(frame, frame.start + 2));
  if (flags & PublishFlag.Timestamp) {
    if (at + 8 > end) throw cut();
    frame.publishedAt = readU64(bytes, at);
    at += 8;
  }
  if (flags & PublishFlag.Id) {
    if (at + 4 > end) throw cut();
    frame.id = readU32(bytes, at);
    at += 4;
  }
  if (at + 4 <= end) frame.rate = readU32(bytes, at);
}

/** The value slot of a PUBLISH: nothing, a value, or samples. */
function slot(frame: Draft, at: number): number {
  const { bytes, end } = frame;
  const indicator = byteAt(frame, at);
  if (indicator === 0) return at + 1;
  if (indicator === 1) {
    frame.valueCode = byteAt(frame, at + 1);
    frame.valueStart = at + 2;
    frame.valueEnd = skipValue(bytes, at + 2, end, frame.valueCode, 0);
    return frame.valueEnd;
  }
  if (indicator !== 2) throw badMessage(`unknown value indicator ${hex(indicator)}`);
  if (at + 3 > end) throw cut();
  frame.samplesCount = readU16(bytes, at + 1);
  frame.samplesStart = at + 3;
  const stop = frame.samplesStart + frame.samplesCount * 8;
  if (stop > end) throw cut();
  return stop;
}

function subscribe(frame: Draft): void {
  const at = address(frame, frame.start + 5);
  const options = byteAt(frame, at + 1);
  const size = (options & 1 ? 4 : 0) + (options & 2 ? 8 : 0) + (options & 4 ? 4 : 0) + (options & 8 ? 4 : 0);
  if (at + 2 + size > frame.end) throw cut();
}

function replay(frame: Draft): void {
  const flags = byteAt(frame, frame.start + 1);
  const at = address(frame, frame.start + 2);
  byteAt(frame, at + (flags & 0x80 ? 8 : 0) + (flags & 0x40 ? 8 : 0) + (flags & 0x20 ? 4 : 0));
}

/** Takes the str at `at` as the frame's address; gives the position after it. */
function address(frame: Draft, at: number): number {
  frame.addressStart = at + 2;
  frame.addressEnd = skipString(frame.bytes, at, frame.end);
  return frame.addressEnd;
}

function byteAt(frame: Draft, at: number): number {
  if (at >= frame.end) throw cut();
  return frame.bytes[at] as number;
}
