import type { AddressEntry } from '../../core/address/address-table.ts';
import { ClaspError } from '../../core/errors.ts';
import type { StoredParam } from '../../core/param/param.ts';
import { type Frame, MessageCode } from '../../core/wire/index.ts';
import type { Message } from '../../core/wire/message.ts';
import type { Session } from './session-state.ts';

/** An interned address with what the router knows about it. */
export type Entry = AddressEntry<StoredParam>;

/**
 * A message, or something that happened to a session: it opened, it closed, a stage refused its message. `bundled`: the
 * parts of a BUNDLE have all passed.
 */
export type EnvelopeKind = Message['type'] | 'opened' | 'closed' | 'refused' | 'bundled';

const NO_PARTS: readonly Envelope[] = [];

/** What travels down the router's trunk: one message of one session, with everything that was paid for at the edge. */
export class Envelope {
  kind: EnvelopeKind;
  readonly session: Session;
  /** The message; of an accepted SET what was stored. Absent for `opened` and `closed`. */
  frame: Frame | undefined;
  /** The interned address of a SET, PUBLISH or GET. */
  readonly entry: Entry | undefined;
  /** When it arrived, microseconds since the Unix epoch. */
  readonly at: number;
  /** Why it was refused, or why the session closed. */
  error: ClaspError | undefined = undefined;
  /** The revision that an accepted SET got; of another part of a bundle, at which its param is then. */
  revision = 0;
  /** The messages of a BUNDLE. */
  parts: readonly Envelope[] = NO_PARTS;
  /** Of a BUNDLE that has waited for its time the address of its param. */
  waitedAt: string | undefined = undefined;
  /** The ACK or ERROR that its sender was sent. */
  answer: Uint8Array | undefined = undefined;

  constructor(kind: EnvelopeKind, session: Session, frame: Frame | undefined, entry: Entry | undefined, at: number) {
    this.kind = kind;
    this.session = session;
    this.frame = frame;
    this.entry = entry;
    this.at = at;
  }

  /** The same envelope, refused: later stages let it pass, and its sender gets an ERROR. */
  refuse(error: ClaspError): this {
    this.kind = 'refused';
    this.error = this.waitedAt === undefined ? this.#named(error) : withinBundle(error, this.waitedAt);
    return this;
  }

  /** An error with an address, which tells its sender what it is the answer to: where it has none, the first there is. */
  #named(error: ClaspError): ClaspError {
    if (error.address !== undefined) return error;
    const address = this.entry?.address ?? this.parts[0]?.entry?.address ?? this.#asked();
    return address ? new ClaspError(error.code, error.reason, { address, value: error.value, cause: error }) : error;
  }

  /** The pattern of a message, or the first address of an ANNOUNCE. */
  #asked(): string | undefined {
    const message = this.frame?.type === MessageCode.Announce ? this.frame.message : undefined;
    return message?.type === 'ANNOUNCE' ? message.signals[0]?.address : this.frame?.address;
  }
}

/** Names the bundle as the address: at that of the part its sender may be waiting for an answer to something else. */
function withinBundle(error: ClaspError, bundle: string): ClaspError {
  const { code, reason, address = '', value } = error;
  const text = reason.includes(address) ? reason : `${address}: ${reason}`;
  return new ClaspError(code, `in the bundle of ${bundle}: ${text}`, { address: bundle, value, cause: error });
}

// Written out, because strings that are made differ from those in the code until their characters have been compared: every
// stage would, for every message.
const CODES: Readonly<Record<Message['type'], number>> = {
  HELLO: MessageCode.Hello,
  WELCOME: MessageCode.Welcome,
  ANNOUNCE: MessageCode.Announce,
  FEDERATION_SYNC: MessageCode.FederationSync,
  SUBSCRIBE: MessageCode.Subscribe,
  UNSUBSCRIBE: MessageCode.Unsubscribe,
  PUBLISH: MessageCode.Publish,
  SET: MessageCode.Set,
  GET: MessageCode.Get,
  SNAPSHOT: MessageCode.Snapshot,
  REPLAY: MessageCode.Replay,
  BUNDLE: MessageCode.Bundle,
  SYNC: MessageCode.Sync,
  PING: MessageCode.Ping,
  PONG: MessageCode.Pong,
  ACK: MessageCode.Ack,
  ERROR: MessageCode.Error,
  QUERY: MessageCode.Query,
  RESULT: MessageCode.Result,
};
const KINDS: (Message['type'] | undefined)[] = [];
for (const kind in CODES) KINDS[CODES[kind as Message['type']]] = kind as Message['type'];

/** The type of a message by its wire code. */
export function kindOf(code: number): Message['type'] | undefined {
  return KINDS[code];
}
