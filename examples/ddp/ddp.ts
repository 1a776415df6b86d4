// In a program of your own: 'clasp-rx', 'clasp-rx/operators' and 'clasp-rx/platform-node'.
import { map, type Observable, type SchedulerLike, type Subscription } from 'rxjs';
import type { BridgeEvent, Client, Signal, Sink, Value } from '../../index.ts';
import { ClaspError, ErrorCode, monotonicScheduler } from '../../index.ts';
import { bridge, sink } from '../../operators/index.ts';
import { udpSocket } from '../../platform-node/index.ts';

/** The UDP port of DDP. */
export const DDP_PORT = 4048;

/** Bytes of colours in a packet at most: 480 pixels, so that it fits into one frame of Ethernet. */
const MAX_DATA = 1_440;
const HEADER = 10;

/** One packet of DDP. */
export interface DdpPacket {
  /** Where the data begins, bytes from the first pixel. */
  readonly offset: number;
  /** Red, green, blue; red, green, blue; … 0–255. */
  readonly data: Uint8Array;
  /** 1–15, one more each time, so that a receiver can drop what comes twice. */
  readonly sequence: number;
  /** Whether the receiver shall show what it has now. */
  readonly push: boolean;
}

/** Writes a packet: version 1, eight bits each of red, green and blue, to the output that is there by default. */
export function encodeDdp({ offset, data, sequence, push }: DdpPacket): Uint8Array {
  const bytes = new Uint8Array(HEADER + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set([push ? 0x41 : 0x40, sequence, 0x0b, 1]);
  view.setUint32(4, offset);
  view.setUint16(8, data.length);
  bytes.set(data, HEADER);
  return bytes;
}

/** What an address below the namespace means: a pixel, from 0, or all of them. */
export function pixelOf(address: string, namespace: string, pixels: number): number | 'all' {
  if (address === namespace) return 'all';
  const name = address.startsWith(`${namespace}/`) ? address.slice(namespace.length + 1) : '';
  if (/^(0|[1-9]\d{0,8})$/.test(name) && Number(name) < pixels) return Number(name);
  throw new ClaspError(ErrorCode.BadAddress, `${address} is none of the ${pixels} pixels`, { address });
}

/** The bytes of a colour: `[red, green, blue]`, 0–255 each, or `#ff8000`; black where the param was deleted. */
export function colourOf(value: Value, address: string): readonly number[] {
  if (value === null) return [0, 0, 0];
  if (typeof value === 'string' && /^#[\da-f]{6}$/i.test(value)) {
    return [1, 3, 5].map((start) => Number.parseInt(value.slice(start, start + 2), 16));
  }
  const parts = Array.isArray(value) ? value.map(Number) : [];
  if (parts.length !== 3 || parts.some(Number.isNaN)) {
    throw new ClaspError(ErrorCode.BadValue, `${address} is no [red, green, blue]`, { address, value });
  }
  return parts.map((part) => Math.round(Math.min(255, Math.max(0, part))));
}

export interface DdpOptions {
  /** How many pixels the receiver has. */
  readonly pixels: number;
  /** Where they live in the relay. @defaultValue '/ddp' */
  readonly namespace?: string;
  /** Frames a second at most. @defaultValue 40 */
  readonly rate?: number;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Milliseconds after which a frame is sent again: a WLED goes back to its own effects after two and a half seconds. */
const REPEAT = 1_000;

/**
 * Sends params and streams as pixels: `/ddp/7` [255, 0, 0] makes the eighth one red, bytes at `/ddp` are all of them.
 * What changes within a frame goes out together; the last frame is repeated once a second.
 *
 * Failures, after which nothing is sent: 200 for an address that is no pixel, 402 for what is no colour. `send` must not
 * throw: that of a `udpSocket` does not.
 */
export function ddpSink(send: (packet: Uint8Array) => void, options: DdpOptions): Sink<Signal> {
  const { pixels, namespace = '/ddp', rate = 40, scheduler = monotonicScheduler } = options;
  const frame = new Uint8Array(pixels * 3);
  let timer: Subscription | undefined;
  let sentAt = Number.NEGATIVE_INFINITY;
  let isWaiting = false;
  let sequence = 0;

  const sendIn = (milliseconds: number) => {
    timer?.unsubscribe();
    timer = scheduler.schedule(sendFrame, milliseconds);
  };
  const sendFrame = () => {
    isWaiting = false;
    sentAt = scheduler.now();
    sendIn(REPEAT);
    for (let offset = 0; offset < frame.length; offset += MAX_DATA) {
      sequence = (sequence % 15) + 1;
      const data = frame.subarray(offset, offset + MAX_DATA);
      send(encodeDdp({ offset, data, sequence, push: offset + MAX_DATA >= frame.length }));
    }
  };

  return sink<Signal>({
    write(signal) {
      const { address } = signal;
      if (signal.kind !== 'param' && signal.kind !== 'stream') {
        throw new ClaspError(ErrorCode.BadValue, `a ${signal.kind} is no colour`, { address });
      }
      const { value } = signal;
      const pixel = pixelOf(address, namespace, pixels);
      if (pixel !== 'all') frame.set(colourOf(value, address), pixel * 3);
      else if (value instanceof Uint8Array) frame.set(value.subarray(0, frame.length));
      else throw new ClaspError(ErrorCode.BadValue, `${address} takes bytes`, { address, value });
      if (isWaiting) return;
      isWaiting = true;
      sendIn(Math.max(0, sentAt + 1_000 / rate - scheduler.now()));
    },
    close: () => timer?.unsubscribe(),
  });
}

export interface DdpBridgeOptions extends DdpOptions {
  /** The receiver, as `host:port`. */
  readonly target: string;
}

/**
 * Joins a relay with a receiver of DDP. Subscribing opens, unsubscribing closes; it tells and ends as `bridge` does.
 */
export function ddpBridge(client: Client, options: DdpBridgeOptions): Observable<BridgeEvent> {
  const { target, namespace = '/ddp', scheduler = monotonicScheduler } = options;
  return bridge({
    client,
    name: 'ddp',
    namespace,
    scheduler,
    types: ['param', 'stream'],
    // The sink gathers what it is given: a burst is one frame.
    snapshot: false,
    open: udpSocket({ scheduler }).pipe(
      map(({ send, failures }) => ({
        sink: ddpSink((packet) => send(packet, target), options),
        failures,
        address: target,
      })),
    ),
  });
}
