import type { IConnectPacket, IPublishPacket, Packet } from 'mqtt-packet';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { MqttReason } from '../../core/protocols/mqtt/mqtt-packet.ts';

const REPLACEMENT = Buffer.from('\ufffd');

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
/** The flags of a CONNECT come after the name `MQTT` and the version. */
const FLAGS = 7;

type WillProperties = NonNullable<IConnectPacket['will']>['properties'];

/** What breaks the connection of an MQTT client: `ClaspError` 100, whose value is the reason code it is told. */
export function mqttFault(reason: MqttReason, what: string): ClaspError {
  return new ClaspError(ErrorCode.BadFrame, what, { value: reason });
}

/** Throws what the codec lets pass in a packet from a client, and MQTT does not: an {@link mqttFault}. */
export function checkMqttPacket(packet: Packet, frame: Buffer, version: 4 | 5): void {
  checkProperties('properties' in packet ? packet.properties : undefined, PROPERTIES[packet.cmd] ?? NONE);
  if (packet.cmd === 'connect') checkConnect(packet, frame);
  if (packet.cmd === 'publish' && version === 5) checkPublish(packet, frame);
  for (const text of textsOf(packet)) {
    if (text.includes('\0')) throw mqttFault(MqttReason.Malformed, 'text with U+0000');
    // The codec puts U+FFFD in the place of what is not UTF-8.
    if (text.includes('\ufffd') && !frame.includes(REPLACEMENT)) {
      throw mqttFault(MqttReason.Malformed, 'text that is not UTF-8');
    }
  }
}

function checkConnect({ protocolVersion, username, password, will }: IConnectPacket, frame: Buffer): void {
  if (will) checkProperties(will.properties, WILL);
  if (protocolVersion === 4 && password !== undefined && username === undefined) {
    throw mqttFault(MqttReason.Malformed, 'a password without a user name');
  }
  // What no flag announces is there all the same, and the codec does not look at it.
  if (endOfConnect(frame, protocolVersion === 5) !== frame.length) throw mqttFault(MqttReason.Malformed, 'too long');
}

function checkPublish({ qos }: IPublishPacket, frame: Buffer): void {
  const topic = afterLength(frame, 1);
  const properties = topic + 2 + frame.readUInt16BE(topic) + (qos > 0 ? 2 : 0);
  if (properties >= frame.length) throw mqttFault(MqttReason.Malformed, 'publish without a length of properties');
}

/** Where the fields of a CONNECT end that its flags announce. */
function endOfConnect(frame: Buffer, hasProperties: boolean): number {
  let at = afterLength(frame, 1) + FLAGS;
  const flags = frame.readUInt8(at);
  const skipText = () => {
    at += 2 + frame.readUInt16BE(at);
  };
  const skipProperties = () => {
    at = hasProperties ? afterLength(frame, at) + lengthAt(frame, at) : at;
  };
  at += 3; // with the keep alive
  skipProperties();
  skipText(); // the client id
  if (flags & 0x04) {
    skipProperties();
    skipText();
    skipText();
  }
  if (flags & 0x80) skipText();
  if (flags & 0x40) skipText();
  return at;
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
      return [packet.clientId, packet.username ?? '', packet.will?.topic ?? '', ...textsIn(packet.will?.properties)];
    case 'publish':
      return [packet.topic, ...textsIn(packet.properties)];
    case 'subscribe':
      return packet.subscriptions.map(({ topic }) => topic);
    case 'unsubscribe':
      return packet.unsubscriptions;
    default:
      return [];
  }
}

/** Those that go on to others. */
function textsIn(properties: WillProperties): readonly string[] {
  if (!properties) return [];
  const { contentType = '', responseTopic = '', userProperties = {} } = properties;
  return [contentType, responseTopic, ...Object.entries(userProperties).flat(2)];
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
