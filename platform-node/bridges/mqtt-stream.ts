import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Packet, Parser } from 'mqtt-packet';
import { BehaviorSubject, Observable, type Subscriber } from 'rxjs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { type MqttPacket, MqttReason, type MqttVersion } from '../../core/protocols/mqtt/mqtt-packet.ts';
import type { MqttPeer } from '../../operators/mqtt/mqtt-peer.ts';
import type { Reader, RoundRobin } from '../../operators/round-robin.ts';
import { checkMqttPacket, mqttFault } from './mqtt-packet-check.ts';

/** The package that reads and writes packets. */
export type MqttCodec = Pick<typeof import('mqtt-packet'), 'generate' | 'parser'>;

/** Bytes waiting in the socket above which what can wait shall wait. */
const HIGH_WATER = 1_048_576;
/** Milliseconds in which a peer has to take what it was sent before the close, and to close too. */
const CLOSE_TIMEOUT = 2_000;
/** How that packet begins. */
const CONNECT = 0x10;

/** Loads the package `mqtt-packet`. Rejects with a `ClaspError` 501 where it is not installed. */
export async function mqttCodec(): Promise<MqttCodec> {
  try {
    return await import('mqtt-packet');
  } catch (cause) {
    const reason = 'an MQTT server needs the package mqtt-packet: npm install mqtt-packet';
    throw new ClaspError(ErrorCode.NotEnabled, reason, { cause });
  }
}

/**
 * An MQTT client over a byte stream: a socket, or a WebSocket as one. A packet that is longer than `maxPacketSize` is
 * refused at its length, before it is there. Packets are read when `turns` says so; while some wait, nothing more is taken
 * from the client.
 */
export class MqttStream implements MqttPeer, Reader {
  readonly peer: string;
  readonly arrival: MqttPeer['arrival'];
  readonly packets: Observable<MqttPacket>;
  readonly saturated: BehaviorSubject<boolean> = new BehaviorSubject(false);
  readonly #stream: Duplex;
  readonly #codec: MqttCodec;
  readonly #maxPacketSize: number;
  readonly #turns: RoundRobin;
  readonly #parser: Parser;
  #reader: Subscriber<MqttPacket> | undefined;
  /** Bytes that are no whole packet yet, and how many it takes. */
  #pending: Buffer[] = [];
  #have = 0;
  #need = 2;
  /** What the parser has just read. */
  #packet: Packet | undefined;
  #version: MqttVersion | undefined;
  #corked = false;
  #open = true;
  /** There are more packets, for another turn; and the stream has ended behind them. */
  #waits = false;
  #ended = false;

  constructor(
    stream: Duplex,
    peer: string,
    codec: MqttCodec,
    maxPacketSize: number,
    turns: RoundRobin,
    arrival?: MqttPeer['arrival'],
  ) {
    this.peer = peer;
    this.arrival = arrival;
    this.#stream = stream;
    this.#codec = codec;
    this.#maxPacketSize = maxPacketSize;
    this.#turns = turns;
    this.#parser = codec.parser();
    this.#parser.on('packet', (packet) => {
      this.#packet = packet;
    });
    this.#parser.on('error', (cause) => {
      throw cause; // to where the bytes are handed over
    });
    stream.on('data', (bytes: Buffer) => this.#bytes(bytes));
    stream.on('drain', () => this.saturated.value && this.saturated.next(false));
    stream.on('error', () => stream.destroy());
    stream.on('close', () => this.#closed());
    stream.on('end', () => this.#closed());
    this.packets = new Observable((reader) => {
      this.#reader = reader;
      if (!this.#open) reader.complete();
    });
  }

  send(packet: MqttPacket, maxBytes: number = Number.POSITIVE_INFINITY): boolean {
    if (!this.#open || this.#ended) return true;
    const protocolVersion = this.#version ?? 4;
    const bytes = this.#codec.generate(forCodec(packet) as Packet, { protocolVersion });
    if (bytes.length > maxBytes) return false;
    if (!this.#corked) {
      // What is sent in one turn leaves in one write.
      this.#corked = true;
      this.#stream.cork();
      queueMicrotask(() => {
        this.#corked = false;
        this.#stream.uncork();
      });
    }
    this.#stream.write(bytes);
    if (!this.saturated.value && this.#stream.writableLength > HIGH_WATER) this.saturated.next(true);
    return true;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#reader = undefined;
    this.#pending = [];
    const timer = setTimeout(() => this.#stream.destroy(), CLOSE_TIMEOUT);
    this.#stream.once('close', () => clearTimeout(timer));
    // What the peer still sends is read and left: closing over it would take from the peer what it has not read yet.
    this.#stream.end(() => {
      timer.unref(); // a process that ends does not wait for that
      if (this.#stream instanceof Socket) this.#stream.unref();
    });
    this.saturated.complete();
  }

  read(): boolean {
    let left = this.#pending.length === 1 ? (this.#pending[0] as Buffer) : Buffer.concat(this.#pending);
    let more = false;
    try {
      while (!more) {
        const length = this.#lengthOf(left);
        this.#need = length;
        if (left.length < length || !this.#open) break;
        this.#frame(left.subarray(0, length));
        left = left.subarray(length);
        more = this.#turns.spent(length) && left.length > 0 && this.#open;
      }
    } catch (cause) {
      more = false;
      this.#fail(cause);
      left = left.subarray(left.length);
    }
    this.#pending = left.length > 0 && this.#open ? [left] : [];
    this.#have = left.length;
    if (this.#waits && !more) this.#caughtUp();
    return more;
  }

  #bytes(bytes: Buffer): void {
    if (!this.#open) return;
    this.#pending.push(bytes);
    this.#have += bytes.length;
    if (this.#have < this.#need && !this.#waits) return;
    this.#waits ||= this.#turns.ready(this);
    if (this.#waits) this.#stream.pause();
  }

  #caughtUp(): void {
    this.#waits = false;
    if (this.#ended) this.#closed();
    else this.#stream.resume();
  }

  /** How long the packet is that `bytes` begin with; what it takes to know more, while that is not there. */
  #lengthOf(bytes: Buffer): number {
    if (this.#version === undefined && bytes.length > 0 && bytes[0] !== CONNECT) {
      throw mqttFault(MqttReason.ProtocolError, 'the first packet is no CONNECT');
    }
    let length = 0;
    for (let at = 1; at <= 4; at++) {
      const byte = bytes[at];
      if (byte === undefined) return bytes.length + 1;
      length += (byte & 0x7f) * 128 ** (at - 1);
      if (byte < 0x80) {
        const total = at + 1 + length;
        if (total > this.#maxPacketSize) throw mqttFault(MqttReason.PacketTooLarge, `packet of ${total} bytes`);
        return total;
      }
    }
    throw mqttFault(MqttReason.Malformed, 'packet without a length');
  }

  #frame(frame: Buffer): void {
    if (this.#version === undefined) this.#version = versionOf(frame);
    // A packet is whole here: what the parser keeps back is a packet whose parts are longer than itself.
    if (this.#parser.parse(frame) > 0) throw mqttFault(MqttReason.Malformed, 'packet cut short');
    if (this.#packet) {
      const packet = this.#packet;
      this.#packet = undefined;
      checkMqttPacket(packet, frame, this.#version);
      this.#reader?.next(packet as MqttPacket);
    }
  }

  #fail(cause: unknown): void {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#pending = [];
    reader?.error(cause instanceof ClaspError ? cause : mqttFault(MqttReason.Malformed, String(cause)));
  }

  #closed(): void {
    this.#ended = true;
    if (this.#waits) return;
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.complete();
    this.close();
  }
}

/** The protocol level of a CONNECT, checked before anything else is read: what follows depends on it. */
function versionOf(frame: Buffer): MqttVersion {
  let at = 1;
  while ((frame[at++] ?? 0) >= 0x80);
  const length = at + 2 <= frame.length ? frame.readUInt16BE(at) : 0;
  const name = frame.toString('latin1', at + 2, at + 2 + length);
  const level = frame[at + 2 + length];
  // The highest bit is that of bridges, which mosquitto offers first.
  const version = level === undefined ? undefined : level & 0x7f;
  if (name === 'MQTT' && (version === 4 || version === 5)) return version;
  if (name === 'MQIsdp' && version === 3) return version;
  if (name !== 'MQTT' && name !== 'MQIsdp') throw mqttFault(MqttReason.Malformed, 'not MQTT');
  throw mqttFault(
    MqttReason.UnsupportedVersion,
    `protocol level ${level}, but 3 (3.1), 4 (3.1.1) and 5 are spoken here`,
  );
}

/** The codec wants every run of bytes as a Buffer. */
function forCodec(packet: MqttPacket): unknown {
  if (packet.cmd !== 'publish') return packet;
  const { payload, properties } = packet;
  const data = properties?.correlationData;
  return {
    ...packet,
    payload: bufferOf(payload),
    ...(properties && { properties: { ...properties, ...(data && { correlationData: bufferOf(data) }) } }),
  };
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
