import { clientFrame, clientStamp, openWebSocket, serverFrame, serverHeader } from './web-socket.mjs';

const SUBSCRIBE = 0x10;
const SNAPSHOT = 0x23;
const ACK = 0x50;
const WELCOME = 0x02;
const PONG = 0x42;
const SYNC = 0x40;

const text = (string) => {
  const bytes = Buffer.from(string);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

/** A CLASP frame, written by hand so that the bench does not measure our codec against itself. */
const frame = (qos, ...parts) => {
  const payload = Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from(part))));
  return Buffer.concat([Buffer.from([0x53, (qos << 6) | 1, payload.length >> 8, payload.length & 0xff]), payload]);
};

const f64 = (number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(number);
  return bytes;
};

export const hello = () => frame(0, [0x01, 1, 0xf8], text('bench'), text(''));
export const subscribe = (pattern, qos = 1, id = 1) => frame(qos, [SUBSCRIBE, 0, 0, 0, id], text(pattern), [0xff, 0]);
export const ping = () => frame(0, [0x41]);

/** A stream PUBLISH of one f64, or of `size` bytes that begin with it. */
export const publishStream = (address, number, size = 0) =>
  size === 0
    ? frame(0, [0x20, 0x40], text(address), [1, 0x07], f64(number))
    : frame(0, [0x20, 0x40], text(address), [1, 0x09, size >> 8, size & 0xff], f64(number), Buffer.alloc(size - 8));

/** An event PUBLISH of `size` bytes that begin with an f64. */
const publishEvent = (address, number, size) =>
  frame(0, [0x20, 0x20], text(address), [1, 0x09, size >> 8, size & 0xff], f64(number), Buffer.alloc(size - 8));

export const setParam = (address, number) => frame(0, [0x21, 0x07], text(address), f64(number));

export const sync = () => frame(0, [SYNC, 0], Buffer.alloc(8));

/** A bundle of one message, given as a frame, for a time in microseconds. */
export const bundleAt = (time, single) => {
  const at = Buffer.alloc(8);
  at.writeBigUInt64BE(BigInt(time));
  const length = single.length - 4;
  return frame(2, [0x30, 0x80, 0, 1], at, [length >> 8, length & 0xff], single.subarray(4));
};

/** Reads messages up to and with the next one of `type`, and gives that one. */
export async function untilType(connection, type) {
  let found;
  while (found === undefined) {
    await connection.answer((bytes) => {
      let start = 0;
      for (let span; found === undefined; start = span[1]) {
        span = serverFrame(bytes, start);
        if (span === undefined) break;
        const message = bytes.subarray(span[0] + 4, span[1]);
        if (message[0] === type) found = message;
      }
      return start || undefined;
    });
  }
  return found;
}

async function open(port) {
  const connection = await openWebSocket(port);
  connection.write(clientFrame(hello()));
  await untilType(connection, WELCOME);
  await untilType(connection, SNAPSHOT);
  return connection;
}

/** Where the number is in a frame that carries one value. */
export const numberIn = (kind, address, size) => 4 + 2 + 2 + address.length + (kind === 'set' ? 0 : size === 0 ? 2 : 4);

const published = { stream: publishStream, event: publishEvent, set: setParam };

/** How to be a publisher and a subscriber of a CLASP relay; `kind` is what is published. */
export const clasp = (kind = 'stream') => ({
  open,

  async subscribe(port, pattern) {
    const connection = await open(port);
    connection.write(clientFrame(subscribe(pattern)));
    // The ACK marks the end of the snapshot: from here on every byte is a delivery.
    await untilType(connection, ACK);
    return connection;
  },

  /** The bytes a publisher sends. */
  publish: (address, number, size = 0) => clientFrame(published[kind](address, number, size)),
  /** The same many times over, each with its own number. */
  stamp: (address, size = 0) => clientStamp(published[kind](address, 0, size), numberIn(kind, address, size)),

  /** How many bytes a subscriber gets for it, and where in them the number is. */
  delivery(address, size = 0) {
    // A SET comes back with a revision of 8 bytes.
    const length = published[kind](address, 0, size).length + (kind === 'set' ? 8 : 0);
    const header = serverHeader(length);
    return { length: header + length, number: header + numberIn(kind, address, size) };
  },
});

export const message = { ACK, PONG, SNAPSHOT, SYNC, WELCOME };
