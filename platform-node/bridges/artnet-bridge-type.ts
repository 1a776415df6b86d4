import { z } from 'zod';
import { ARTNET_MAX_UNIVERSE } from '../../core/protocols/artnet/artnet.ts';
import { listenField, nameField, namespaceField, portField } from '../config/config-fields.ts';
import { hostField, keepAliveField, mergeField, modeField, pairsField, rateField } from '../config/dmx-fields.ts';
import { type ArtnetBridgeOptions, artnetBridge } from './artnet-bridge.ts';
import type { BridgeType } from './bridge-type.ts';
import { dmxNetwork } from './dmx-network.ts';

/** Art-Net, as in a configuration file. */
export interface ArtnetBridgeConfig extends Omit<ArtnetBridgeOptions, 'scheduler'> {
  readonly type: 'artnet';
}

const schema = z.strictObject({
  type: z.literal('artnet'),
  name: nameField
    .describe('named in the log, to other nodes and in the origin of signals; "artnet" if absent')
    .exactOptional(),
  listen: listenField
    .describe('UDP port, or host:port, for Art-Net from outside; 0 takes a free one, false sends only; 6454 if absent')
    .exactOptional(),
  host: z
    .string()
    .describe('address to bind to; this machine only while the relay and every target are on it, else all addresses')
    .exactOptional(),
  interface: z
    .string()
    .describe('the network to use: name of an interface, an address of this machine, or a CIDR')
    .exactOptional(),
  targets: z
    .array(hostField)
    .describe('who receives every universe, as address or address:port; if absent the nodes that want it, or everybody')
    .exactOptional(),
  port: portField.describe('the UDP port of the nodes; 6454 if absent').exactOptional(),
  universes: z
    .array(z.int().min(0).max(ARTNET_MAX_UNIVERSE))
    .min(1)
    .describe('15-bit port addresses that are read and sent, 0 to 32767; all if absent')
    .exactOptional(),
  mode: modeField.exactOptional(),
  namespace: namespaceField.describe('where universes live in the relay; "/artnet" if absent').exactOptional(),
  normalize: z
    .boolean()
    .describe('whether params are 0.0 to 1.0 rather than 0 to 255; false if absent')
    .exactOptional(),
  pairs: pairsField([0, ARTNET_MAX_UNIVERSE]).exactOptional(),
  timeCodeRate: z
    .union([z.literal(24), z.literal(25), z.literal(29.97), z.literal(30)])
    .describe('frames a second of a time code that is a number of seconds or names no rate; 25 if absent')
    .exactOptional(),
  rate: rateField.exactOptional(),
  keepAlive: keepAliveField.exactOptional(),
  sync: z.boolean().describe('whether ArtSync follows the frames of each moment; false if absent').exactOptional(),
  merge: mergeField.describe('how several senders of a universe become one; ltp if absent').exactOptional(),
  timeout: z
    .number()
    .positive()
    .describe('milliseconds of silence after which a sender counts no more; 10000 if absent')
    .exactOptional(),
  send: z.boolean().describe('whether what changes in the relay goes out; true if absent').exactOptional(),
  discover: z.boolean().describe('whether nodes are looked for and answered; true if absent').exactOptional(),
});

/** Art-Net, as a configuration file has it. */
export const artnetBridgeType: BridgeType<ArtnetBridgeConfig> = {
  type: 'artnet',
  summary: 'Art-Net: DMX universes over UDP, in both directions, with discovery of nodes',
  schema,
  open: (client, config, { name, relayHost, scheduler }) =>
    artnetBridge(client, { ...config, ...dmxNetwork(config, relayHost, { host: '127.0.0.1' }), name, scheduler }),
};
