import type { GesturePhase, SignalKind } from '../signal/signal.ts';
import type { FederationOp } from './message.ts';

/** First byte of every frame: `S`. */
export const MAGIC = 0x53;
/** The largest payload of a frame, in bytes. */
export const MAX_PAYLOAD = 65535;
/** How many arrays and maps may lie within each other. */
export const MAX_DEPTH = 32;

/** The bits of the frame's flags byte; bits 7:6 are the QoS. */
export const FrameFlag = {
  Timestamp: 0x20,
  Encrypted: 0x10,
  Compressed: 0x08,
  Binary: 0x01,
  /** Of frames that do not leave the process, see in-process.ts: nobody sends a compressed one. */
  InProcess: 0x08,
} as const;

/** First byte of a message. */
export const MessageCode = {
  Hello: 0x01,
  Welcome: 0x02,
  Announce: 0x03,
  FederationSync: 0x04,
  Subscribe: 0x10,
  Unsubscribe: 0x11,
  Publish: 0x20,
  Set: 0x21,
  Get: 0x22,
  Snapshot: 0x23,
  Replay: 0x24,
  Bundle: 0x30,
  Sync: 0x40,
  Ping: 0x41,
  Pong: 0x42,
  Ack: 0x50,
  Error: 0x51,
  Query: 0x60,
  Result: 0x61,
} as const;

/** First byte of a value. */
export const ValueCode = {
  Null: 0x00,
  Bool: 0x01,
  I8: 0x02,
  I16: 0x03,
  I32: 0x04,
  I64: 0x05,
  F32: 0x06,
  F64: 0x07,
  String: 0x08,
  Bytes: 0x09,
  Array: 0x0a,
  Map: 0x0b,
  /** Never on the wire: a u32 length, then a value whose lengths and counts are u32. */
  Large: 0x0c,
} as const;

/** The bits of a SET's flags byte; bits 3:0 are the value code. */
export const SetFlag = { Revision: 0x80, Lock: 0x40, Unlock: 0x20, Ttl: 0x10 } as const;

/** The bits of a PUBLISH's flags byte; bits 7:5 are the signal, bits 2:0 the phase. */
export const PublishFlag = { Timestamp: 0x10, Id: 0x08 } as const;

/** Signal kinds by wire code; also the order of the bits of a type mask. */
export const SIGNAL_KINDS: readonly SignalKind[] = ['param', 'event', 'stream', 'gesture', 'timeline'];

/** Gesture phases by wire code. */
export const GESTURE_PHASES: readonly GesturePhase[] = ['start', 'move', 'end', 'cancel'];

/** Federation operations by wire code, which starts at 1. */
export const FEDERATION_OPS: readonly FederationOp[] = ['declare', 'request-sync', 'revision-vector', 'sync-complete'];

/** Features of HELLO and WELCOME, from bit 7 down. */
export const FEATURES: readonly string[] = ['param', 'event', 'stream', 'gesture', 'timeline', 'federation'];

/** In a HELLO, bit 0: the empty SNAPSHOT is enough, without the params that there are. */
export const NARROW = 'narrow';

/** The wire code of a signal kind; -1 for anything else. */
export function signalCode(kind: SignalKind): number {
  switch (kind) {
    case 'param':
      return 0;
    case 'event':
      return 1;
    case 'stream':
      return 2;
    case 'gesture':
      return 3;
    case 'timeline':
      return 4;
    default:
      return -1;
  }
}

/** The type mask of SUBSCRIBE and REPLAY; no kinds at all means every kind. */
export function signalMask(kinds: readonly SignalKind[] | undefined): number {
  if (kinds === undefined || kinds.length === 0) return 0xff;
  let mask = 0;
  for (const kind of kinds) mask |= 1 << signalCode(kind);
  return mask;
}

/** The kinds a type mask admits; undefined means every kind (FF, 00, and masks of nothing known). */
export function kindsOfMask(mask: number): SignalKind[] | undefined {
  if (mask === 0xff || (mask & 0x1f) === 0) return undefined;
  return SIGNAL_KINDS.filter((_, code) => mask & (1 << code));
}
