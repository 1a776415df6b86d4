import type { Ack, BundlePart } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { BundleWriter } from '../../core/wire/bundle.ts';
import { encodeSet } from '../../core/wire/encode-signal.ts';
import { encodeInProcess, MAX_SET_BYTES } from '../../core/wire/in-process.ts';
import type { QoS, SetMessage } from '../../core/wire/message.ts';
import type { ClientMessage } from '../../core/wire/relay-frame.ts';
import { requireAddress } from './client-pattern.ts';
import type { SentRequests } from './client-requests.ts';
import { bundleMessage, ClientRequests, RequestsInOrder } from './client-requests.ts';
import { PendingReply } from './reply.ts';

/** Addresses that are known to be well-formed. */
const MAX_KNOWN = 65_536;

/**
 * {@link ClientRequests} of a client in the same process as its relay, where bridges write thousands of params at a time
 * and no byte has to be saved.
 *
 * A bundle is of QoS 1 here: its session ends with the relay only, and with that what the relay remembers of QoS 2.
 */
export class LocalRequests extends ClientRequests {
  protected override readonly sent: SentRequests = new RequestsInOrder();
  readonly #known = new Set<string>();

  override bundle(parts: readonly BundlePart[], timestamp: number | undefined): PendingReply<Ack> {
    const writer = new BundleWriter(parts.length, timestamp);
    const addresses: string[] = [];
    for (const part of parts) {
      if ('set' in part && part.set.length === 2) {
        this.#require(part.set[0]);
        writer.set(part.set[0], part.set[1]);
        addresses.push(part.set[0]);
      } else {
        const message = bundleMessage(part);
        this.#require(message.address);
        writer.add(message);
        addresses.push(message.address);
      }
    }
    const reply = new PendingReply<Ack>();
    const message = { type: 'BUNDLE', timestamp, messages: [] } as const;
    this.ask({ kind: 'message', message, addresses, frame: writer.finish(1), replies: [reply] });
    return reply;
  }

  protected override encode(message: ClientMessage, qos: QoS = 0): Uint8Array {
    const mayBeLarge = message.type === 'SET' || (message.type === 'PUBLISH' && message.signal === 'event');
    if (!mayBeLarge) return super.encode(message, qos);
    if (message.tag === undefined) {
      try {
        const frame = message.type === 'SET' ? setFrame(message, qos) : super.encode(message, qos);
        if (frame.length <= MAX_SET_BYTES) return frame;
      } catch (cause) {
        if (ClaspError.from(cause, ErrorCode.Internal).code !== ErrorCode.BadValue) throw cause;
      }
    }
    return encodeInProcess(message, qos);
  }

  #require(address: string): void {
    if (this.#known.has(address)) return;
    requireAddress(address);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.add(address);
  }
}

/** The same bytes as `encodeMessage`, sooner where the value is a number. */
function setFrame({ address, value, revision, lock, unlock, ttl }: SetMessage, qos: QoS): Uint8Array {
  return encodeSet(address, value, { qos, revision, lock, unlock, ttl });
}
