import { Connection, stamp } from './connection.mjs';

// The same address, as a NATS subject of the same length, and the same value: its type code and 8 bytes.
const subject = (address) => address.slice(1).replaceAll('/', '.').padEnd(address.length, 'x');

const body = (number, size) => {
  const bytes = Buffer.alloc(size === 0 ? 9 : 3 + size);
  bytes[0] = size === 0 ? 7 : 9;
  bytes.writeDoubleBE(number, size === 0 ? 1 : 3);
  return bytes;
};

async function open(port) {
  const connection = new Connection(port);
  await connection.answer((bytes) => bytes.indexOf('\r\n') + 2 || undefined); // INFO …
  connection.write('CONNECT {"verbose":false,"pedantic":false,"echo":false,"name":"bench"}\r\n');
  return connection;
}

const through = (word) => (bytes) => {
  const at = bytes.indexOf(word);
  return at < 0 ? undefined : at + word.length;
};

/** The server pings each client once, two seconds after it came: let that pass, so that later bytes are deliveries. */
async function ready(connection) {
  connection.write('PING\r\n');
  await connection.answer(through('PONG\r\n'));
  await connection.answer(through('PING\r\n'));
  connection.write('PONG\r\n');
  return connection;
}

/** The NATS text protocol, core subjects. */
export const nats = {
  async open(port) {
    return ready(await open(port));
  },
  async subscribe(port, pattern) {
    const connection = await open(port);
    connection.write(`SUB ${pattern === '/**' ? '>' : subject(pattern)} 1\r\n`);
    return ready(connection);
  },
  publish(address, number, size = 0) {
    const payload = body(number, size);
    const head = Buffer.from(`PUB ${subject(address)} ${payload.length}\r\n`);
    return Buffer.concat([head, payload, Buffer.from('\r\n')]);
  },
  stamp(address, size = 0) {
    const message = nats.publish(address, 0, size);
    return stamp(message, message.length - 2 - (size === 0 ? 8 : size));
  },
  delivery(address, size = 0) {
    const payload = body(0, size);
    const head = `MSG ${subject(address)} 1 ${payload.length}\r\n`.length;
    return { length: head + payload.length + 2, number: head + (size === 0 ? 1 : 3) };
  },
};
