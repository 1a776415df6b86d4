import { Connection, stamp } from './connection.mjs';

let clients = 0;

const text = (string) => {
  const bytes = Buffer.from(string);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

const packet = (type, ...parts) => {
  const body = Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from(part))));
  const length = [];
  for (let rest = body.length; ; ) {
    const digit = rest & 0x7f;
    rest >>= 7;
    length.push(rest > 0 ? digit | 0x80 : digit);
    if (rest === 0) break;
  }
  return Buffer.concat([Buffer.from([type, ...length]), body]);
};

const value = (number, size) => {
  const bytes = Buffer.alloc(size === 0 ? 9 : 3 + size);
  bytes[0] = size === 0 ? 7 : 9;
  bytes.writeDoubleBE(number, size === 0 ? 1 : 3);
  return bytes;
};

/** MQTT 3.1.1, clean session, no keep-alive. */
async function open(port) {
  const connection = new Connection(port);
  connection.write(packet(0x10, text('MQTT'), [4, 2, 0, 0], text(`bench-${process.pid}-${++clients}`)));
  const answer = await connection.answer((bytes) => (bytes.length >= 4 ? 4 : undefined));
  if (answer[0] !== 0x20 || answer[3] !== 0) throw new Error(`CONNACK ${answer.toString('hex')}`);
  return connection;
}

/** MQTT 3.1.1 at QoS 0: same topic as our address, same value. */
export const mqtt = {
  open,
  async subscribe(port, pattern) {
    const connection = await open(port);
    connection.write(mqtt.subscription(pattern));
    await connection.answer((bytes) => (bytes.length >= 5 ? 5 : undefined)); // SUBACK
    return connection;
  },
  subscription: (pattern) => packet(0x82, [0, 1], text(pattern === '/**' ? '#' : pattern), [0]),
  publish: (address, number, size = 0) => packet(0x30, text(address), value(number, size)),
  retain: (address, number) => packet(0x31, text(address), value(number, 0)),
  stamp(address, size = 0) {
    const message = mqtt.publish(address, 0, size);
    return stamp(message, message.length - (size === 0 ? 8 : size));
  },
  delivery(address, size = 0) {
    const whole = packet(0x30, text(address), value(0, size)).length;
    return { length: whole, number: whole - (size === 0 ? 8 : size) };
  },
};
