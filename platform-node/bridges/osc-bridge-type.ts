import { z } from 'zod';
import { parseOscTags, toOscAddress } from '../../core/protocols/osc/osc-mapping.ts';
import {
  addressField,
  hostPortField,
  listenField,
  nameField,
  namespaceField,
  patternField,
  portField,
  textReadBy,
} from '../config/config-fields.ts';
import { isLocal, parseHostPort } from '../host-port.ts';
import type { BridgeType } from './bridge-type.ts';
import { type OscBridgeOptions, oscBridge, oscHost } from './osc-bridge.ts';

/** OSC over UDP, as in a configuration file. */
export interface OscBridgeConfig extends Omit<OscBridgeOptions, 'scheduler'> {
  readonly type: 'osc';
  /**
   * Address to bind to where `listen` is a port.
   * @defaultValue this machine only while the relay and every target are on it, otherwise all addresses
   */
  readonly host?: string;
}

const scalar = z.union([z.null(), z.boolean(), z.number(), z.string()]);
const argumentsField = z.union([scalar, z.array(scalar).readonly()]);
const oscAddress = textReadBy((text) => toOscAddress(text, ''));
const hints = z.record(patternField, textReadBy(parseOscTags));

const schema = z.strictObject({
  type: z.literal('osc'),
  name: nameField
    .describe('named in the log, in the status and in the origin of signals; "osc" if absent')
    .exactOptional(),
  listen: listenField
    .describe('UDP port, or host:port, for OSC from outside; 0 takes a free one, false sends only; 8000 if absent')
    .exactOptional(),
  host: z
    .string()
    .describe(
      'address to bind to where listen is a port; this machine only while the relay and every target are on it, else all addresses',
    )
    .exactOptional(),
  interface: z
    .string()
    .describe('the network to use: name of an interface, an address of this machine, or a CIDR')
    .exactOptional(),
  broadcast: z
    .boolean()
    .describe('whether packets may be sent to a broadcast address; false if absent')
    .exactOptional(),
  multicast: z.array(z.string()).describe('multicast groups to join; none if absent').exactOptional(),
  targets: z
    .array(z.union([hostPortField, z.strictObject({ to: hostPortField, hints })]))
    .describe('who receives what changes, as host:port; none if absent')
    .exactOptional(),
  tcp: z
    .strictObject({
      listen: z
        .union([portField, textReadBy((text) => parseHostPort(text, '0.0.0.0'))])
        .describe('TCP port, or host:port, to accept peers on; none if absent')
        .exactOptional(),
      host: z.string().describe('address to bind to where listen is a port; as that of UDP if absent').exactOptional(),
      connect: z
        .union([hostPortField, z.array(hostPortField).readonly()])
        .describe('peers to connect to, as host:port; none if absent')
        .exactOptional(),
      framing: z
        .enum(['length', 'slip', 'auto'])
        .describe(
          'how packets are told apart: length (OSC 1.0), slip (OSC 1.1), auto as the peer does it; auto for those who connect, else slip, if absent',
        )
        .exactOptional(),
      maxPacket: z
        .int()
        .min(16)
        .max(0xff_ffff)
        .describe('bytes of the longest packet; 65536 if absent')
        .exactOptional(),
      maxPeers: z.int().min(1).describe('how many peers may connect at a time; 64 if absent').exactOptional(),
      maxQueued: z.int().min(1).describe('bytes that may wait for a slow peer; 1048576 if absent').exactOptional(),
    })
    .refine(({ listen, connect }) => listen !== undefined || connect !== undefined, 'needs listen or connect')
    .describe('OSC over TCP: every peer is a target; none if absent')
    .exactOptional(),
  query: z
    .strictObject({
      port: portField.describe('TCP port to serve on; 0 takes a free one'),
      host: z
        .string()
        .describe('address to bind to; as that of UDP, else this machine only, if absent')
        .exactOptional(),
      advertise: z
        .boolean()
        .describe('whether others find it by mDNS, for which bonjour-service is needed; false if absent')
        .exactOptional(),
      signals: z
        .array(
          z.strictObject({
            address: addressField.describe('the address in the relay'),
            access: z.enum(['read', 'write', 'both']).describe('as announced, else both, if absent').exactOptional(),
            range: z.tuple([z.number(), z.number()]).describe('lowest and highest value').exactOptional(),
            unit: z.string().describe('unit of the value').exactOptional(),
            description: z.string().describe('one line for people').exactOptional(),
          }),
        )
        .describe('what is to be told about single addresses; nothing if absent')
        .exactOptional(),
    })
    .describe('tells over HTTP what there is below the namespace (OSCQuery); none if absent')
    .exactOptional(),
  namespace: namespaceField
    .describe('where OSC addresses live in the relay, "" for the root; "/osc" if absent')
    .exactOptional(),
  hints: hints.describe('types that receivers want, by pattern over OSC addresses: { "/led/*": "i" }').exactOptional(),
  noArguments: z
    .enum(['event', 'param', 'get'])
    .describe(
      'what a message without arguments is: an event, a param that is deleted, or a question for the value; event if absent',
    )
    .exactOptional(),
  timetags: z
    .enum(['schedule', 'ignore'])
    .describe('whether bundles wait for their time; schedule if absent')
    .exactOptional(),
  periodic: z
    .array(
      z.strictObject({
        address: oscAddress.describe('the OSC address, without the namespace'),
        every: z
          .number()
          .min(10)
          .max(2 ** 31 - 1)
          .describe('milliseconds from one to the next'),
        value: argumentsField.describe('what it carries; no arguments if absent').exactOptional(),
        types: textReadBy(parseOscTags).describe('types of its arguments; by the value if absent').exactOptional(),
        to: hostPortField.describe('who gets it, as host:port; every target if absent').exactOptional(),
      }),
    )
    .describe('messages that are sent again and again, as the keep-alive of mixers; none if absent')
    .exactOptional(),
  receiveBuffer: z
    .int()
    .min(65_536)
    .describe('bytes that may wait to be read from the UDP socket, as far as the system allows; 4194304 if absent')
    .exactOptional(),
  sendState: z
    .boolean()
    .describe('whether targets receive the current params at the start; true if absent')
    .exactOptional(),
  replyToSenders: z.boolean().describe('whether those who send are answered; false if absent').exactOptional(),
  senderTimeout: z
    .number()
    .positive()
    .describe('milliseconds of silence after which a sender is forgotten; 60000 if absent')
    .exactOptional(),
  maxSenders: z.int().min(1).describe('how many senders are answered at most; 32 if absent').exactOptional(),
  echoWindow: z
    .number()
    .min(0)
    .describe('milliseconds for which a value is not sent back to where it came from; 1000 if absent')
    .exactOptional(),
  echoBy: z
    .enum(['port', 'host', 'auto'])
    .describe('how a packet is told to come from a target; auto if absent')
    .exactOptional(),
});

/** OSC over UDP and TCP, as a configuration file has it. */
export const oscBridgeType: BridgeType<OscBridgeConfig> = {
  type: 'osc',
  summary: 'OSC over UDP and TCP: what comes in becomes params, what changes goes out to the targets',
  schema,
  open: (client, config, { name, relayHost, scheduler }) => {
    const host = oscHost(config, relayHost);
    const tcpHost = config.host ?? (isLocal(relayHost) ? '127.0.0.1' : (host ?? '0.0.0.0'));
    return oscBridge(client, {
      ...config,
      name,
      scheduler,
      ...(host !== undefined && { host }),
      ...(config.tcp && { tcp: { host: tcpHost, ...config.tcp } }),
    });
  },
};
