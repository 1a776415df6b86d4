import { isUtf8 } from 'node:buffer';
import type { IConnectPacket, IPublishPacket, Packet } from 'mqtt-packet';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { MqttReason, type MqttVersion } from '../../core/protocols/mqtt/mqtt-packet.ts';

const CONFIRMED = ['reasonString', 'userProperties'];
const MESSAGE = [
  'payloadFormatIndicator',
  'messageExpiryInterval',
  'contentType',
  'responseTopic',
  'correlationData',
  'userProperties',
];
const AUTHENTICATION = ['authenticationMethod', 'authenticationData', 'userProperties'];
const WILL: ReadonlySet<string> = new Set([...MESSAGE, 'willDelayInterval']);
/** The properties that a packet from a client may have (MQTT 5, 2.2.2.2); the codec takes any of them in any packet. */
const PROPERTIES: Readonly<Record<string, ReadonlySet<string>>> = {
  connect: new Set([
    ...AUTHENTICATION,
    'sessionExpiryInterval',
    'receiveMaximum',
    'maximumPacketSize',
    'topicAliasMaximum',
    'requestResponseInformation',
    'requestProblemInformation',
  ]),
  publish: new Set([...MESSAGE, 'topicAlias', 'subscriptionIdentifier']),
  puback: new Set(CONFIRMED),
  pubrec: new Set(CONFIRMED),
  pubrel: new Set(CONFIRMED),
  pubcomp: new Set(CONFIRMED),
  subscribe: new Set(['subscriptionIdentifier', 'userProperties']),
  unsubscribe: new Set(['userProperties']),
  disconnect: new Set([...CONFIRMED, 'sessionExpiryInterval']),
  auth: new Set([...AUTHENTICATION, 'reasonString']),
};
const NONE: ReadonlySet<string> = new Set();
/** The properties of MQTT 5 that are not one byte long, by their identifier; `length` is one of up to four bytes. */
const PROPERTY_FORMS: Readonly<Record<number, 'u16' | 'u32' | 'length' | 'text' | 'binary' | 'pair'>> = {
  2: 'u32',
  3: 'text',
  8: 'text',
  9: 'binary',
  11: 'length',
  17: 'u32',
  18: 'text',
  19: 'u16',
  21: 'text',
  22: 'binary',
  24: 'u32',
  26: 'text',
  28: 'text',
  31: 'text',
  33: 'u16',
  34: 'u16',
  35: 'u16',
  38: 'pair',
  39: 'u32',
};

/** What breaks the connection of an MQTT client: `ClaspError` 100, whose value is the reason code it is told. */
export function mqttFault(reason: MqttReason, what: string): ClaspError {
  return new ClaspError(ErrorCode.BadFrame, what, { value: reason });
}

/** Throws what the codec lets pass in a packet from a client, and MQTT does not: an {@link mqttFault}. */
export function checkMqttPacket(packet: Packet, frame: Buffer, version: MqttVersion): void {
  checkProperties('properties' in packet ? packet.properties : undefined, PROPERTIES[packet.cmd] ?? NONE);
  if (packet.cmd === 'connect') checkConnect(packet, frame);
  if (packet.cmd === 'publish' && version === 5) checkPublish(packet, frame);
  for (const text of textsOf(packet)) {
    if (text.includes('\0')) throw mqttFault(MqttReason.Malformed, 'text with U+0000');
  }
  // The codec puts U+FFFD in the place of what is not UTF-8; whether it was there before only the bytes tell.
  if (textsOf(packet).some((text) => text.includes('\ufffd'))) new Fields(packet, frame, version).walk();
}

function checkConnect(packet: IConnectPacket, frame: Buffer): void {
  const { protocolVersion, username, password, will } = packet;
  if (will) checkProperties(will.properties, WILL);
  if (will && (will.qos as number) > 2) throw mqttFault(MqttReason.Malformed, `a will of QoS ${will.qos}`);
  if (protocolVersion !== 5 && password !== undefined && username === undefined) {
    throw mqttFault(MqttReason.Malformed, 'a password without a user name');
  }
  // What no flag announces is there all the same, and the codec does not look at it.
  if (endOfConnect(packet, frame) !== frame.length) throw mqttFault(MqttReason.Malformed, 'too long');
}

function checkPublish({ qos }: IPublishPacket, frame: Buffer): void {
  const topic = afterLength(frame, 1);
  const properties = topic + 2 + frame.readUInt16BE(topic) + (qos > 0 ? 2 : 0);
  if (properties >= frame.length) throw mqttFault(MqttReason.Malformed, 'publish without a length of properties');
}

/** Where the fields of a CONNECT end that its flags announce. */
function endOfConnect(packet: IConnectPacket, frame: Buffer): number {
  return new Fields(packet, frame, packet.protocolVersion as MqttVersion).walk();
}

/** Goes over the fields of a packet that the codec has read, as they are in its frame. */
class Fields {
  readonly #packet: Packet;
  readonly #frame: Buffer;
  readonly #version: MqttVersion;
  #at: number;

  constructor(packet: Packet, frame: Buffer, version: MqttVersion) {
    this.#packet = packet;
    this.#frame = frame;
    this.#version = version;
    this.#at = afterLength(frame, 1);
  }

  /** Throws an {@link mqttFault} for a text that is not UTF-8; gives where the last of the fields with a length ends. */
  walk(): number {
    const packet = this.#packet;
    switch (packet.cmd) {
      case 'connect':
        this.#connect();
        break;
      case 'publish':
        this.#text();
        if (packet.qos > 0) this.#at += 2;
        this.#properties();
        break;
      case 'subscribe':
      case 'unsubscribe':
        this.#at += 2;
        this.#properties();
        while (this.#at < this.#frame.length) {
          this.#text();
          if (packet.cmd === 'subscribe') this.#at++;
        }
        break;
      case 'disconnect':
      case 'auth':
        this.#at++; // the reason code
        this.#properties();
        break;
      case 'puback':
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        this.#at += 3;
        this.#properties();
        break;
    }
    return this.#at;
  }

  #connect(): void {
    const frame = this.#frame;
    this.#text(); // the name of the protocol
    const flags = frame.readUInt8(this.#at + 1);
    this.#at += 4; // with the version before, and the keep alive behind
    this.#properties();
    this.#text(); // the client id
    if (flags & 0x04) {
      this.#properties();
      this.#text();
      this.#binary();
    }
    if (flags & 0x80) this.#text();
    if (flags & 0x40) this.#binary();
  }

  #properties(): void {
    if (this.#version !== 5 || this.#at >= this.#frame.length) return;
    const start = afterLength(this.#frame, this.#at);
    const end = start + lengthAt(this.#frame, this.#at);
    this.#at = start;
    while (this.#at < end) this.#property(PROPERTY_FORMS[this.#frame.readUInt8(this.#at++)]);
    this.#at = end;
  }

  #property(form: (typeof PROPERTY_FORMS)[number] | undefined): void {
    switch (form) {
      case 'u16':
        this.#at += 2;
        break;
      case 'u32':
        this.#at += 4;
        break;
      case 'length':
        this.#at = afterLength(this.#frame, this.#at);
        break;
      case 'text':
        this.#text();
        break;
      case 'binary':
        this.#binary();
        break;
      case 'pair':
        this.#text();
        this.#text();
        break;
      default:
        this.#at += 1;
    }
  }

  #text(): void {
    const start = this.#at + 2;
    this.#binary();
    if (!isUtf8(this.#frame.subarray(start, this.#at))) throw mqttFault(MqttReason.Malformed, 'text that is not UTF-8');
  }

  #binary(): void {
    this.#at += 2 + this.#frame.readUInt16BE(this.#at);
  }
}

/** A length of up to four bytes, the lowest seven bits first. */
function lengthAt(frame: Buffer, at: number): number {
  let length = 0;
  for (let index = at; index < afterLength(frame, at); index++) {
    length += (frame.readUInt8(index) & 0x7f) * 128 ** (index - at);
  }
  return length;
}

function afterLength(frame: Buffer, at: number): number {
  let end = at;
  while (frame.readUInt8(end++) >= 0x80);
  return end;
}

function textsOf(packet: Packet): readonly string[] {
  switch (packet.cmd) {
    case 'connect':
      return [
        packet.clientId,
        packet.username ?? '',
        packet.will?.topic ?? '',
        ...textsIn(packet.will?.properties),
        ...textsIn(packet.properties),
      ];
    case 'publish':
      return [packet.topic, ...textsIn(packet.properties)];
    case 'subscribe':
      return [...packet.subscriptions.map(({ topic }) => topic), ...textsIn(packet.properties)];
    case 'unsubscribe':
      return [...packet.unsubscriptions, ...textsIn(packet.properties)];
    default:
      return 'properties' in packet ? textsIn(packet.properties) : [];
  }
}

interface Texts {
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly reasonString?: string;
  readonly authenticationMethod?: string;
  readonly userProperties?: Readonly<Record<string, string | string[]>>;
}

function textsIn(properties: Texts | undefined): readonly string[] {
  if (!properties) return [];
  const { contentType = '', responseTopic = '', reasonString = '', authenticationMethod = '' } = properties;
  const pairs = Object.entries(properties.userProperties ?? {}).flat(2);
  return [contentType, responseTopic, reasonString, authenticationMethod, ...pairs];
}

function checkProperties(properties: object | undefined, allowed: ReadonlySet<string>): void {
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (!allowed.has(key)) throw mqttFault(MqttReason.Malformed, `${key} where it has no meaning`);
    if (key === 'userProperties') {
      if (
        !Object.values(value)
          .flat()
          .every((text) => typeof text === 'string')
      ) {
        throw mqttFault(MqttReason.Malformed, `${key} cut short`);
      }
    } else if (Array.isArray(value)) {
      throw mqttFault(MqttReason.ProtocolError, `${key} twice`);
    } else if (value === null || value === undefined || value === -1) {
      throw mqttFault(MqttReason.Malformed, `${key} cut short`);
    } else if (key === 'subscriptionIdentifier' && !(value >= 1)) {
      throw mqttFault(MqttReason.ProtocolError, `${key} 0`);
    }
  }
}
