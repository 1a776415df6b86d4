import { Connection } from './connection.mjs';

// RFC 6455 wants a mask on what a client sends; which one does not matter to the server's work.
const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);

const BINARY = 0x82;
const TEXT = 0x81;

/** A WebSocket message as a client sends it: header, mask, masked payload. */
export function clientFrame(payload, first = BINARY) {
  const long = payload.length > 125;
  if (payload.length > 65_535) throw new RangeError('longer than the bench needs');
  const header = long
    ? Buffer.from([first, 0x80 | 126, payload.length >> 8, payload.length & 0xff, ...MASK])
    : Buffer.from([first, 0x80 | payload.length, ...MASK]);
  const frame = Buffer.concat([header, payload]);
  for (let i = 0; i < payload.length; i++) frame[header.length + i] = payload[i] ^ MASK[i & 3];
  return frame;
}

export const clientText = (text) => clientFrame(Buffer.from(text), TEXT);

/** Makes copies of the client frame of `payload` with another number at `at` of the payload. */
export function clientStamp(payload, at) {
  const frame = clientFrame(payload);
  const first = frame.length - payload.length + at;
  return (number) => {
    const copy = Buffer.from(frame);
    copy.writeDoubleBE(number, first);
    for (let i = 0; i < 8; i++) copy[first + i] ^= MASK[(at + i) & 3];
    return copy;
  };
}

/** How long the header of a server's message of `length` bytes is. */
export const serverHeader = (length) => (length > 65_535 ? 10 : length > 125 ? 4 : 2);

/** The first whole message in `bytes` from `start`, as [payload start, payload end], or undefined. */
export function serverFrame(bytes, start) {
  if (bytes.length < start + 2) return undefined;
  const short = bytes[start + 1] & 0x7f;
  let at = start + 2;
  let length = short;
  if (short === 126) {
    if (bytes.length < start + 4) return undefined;
    length = bytes.readUInt16BE(at);
    at += 2;
  } else if (short === 127) {
    if (bytes.length < start + 10) return undefined;
    length = Number(bytes.readBigUInt64BE(at));
    at += 8;
  }
  return bytes.length < at + length ? undefined : [at, at + length];
}

/** Connects and upgrades; a path of its own brings no subprotocol. */
export async function openWebSocket(port, path = '/clasp') {
  const connection = new Connection(port);
  connection.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
      `${path === '/clasp' ? 'Sec-WebSocket-Protocol: clasp\r\n' : ''}\r\n`,
  );
  const response = await connection.answer((bytes) => {
    const end = bytes.indexOf('\r\n\r\n');
    return end < 0 ? undefined : end + 4;
  });
  if (!response.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(`no upgrade: ${response}`);
  return connection;
}
