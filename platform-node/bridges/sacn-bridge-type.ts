import { z } from 'zod';
import { DMX_CHANNELS } from '../../core/protocols/dmx/dmx-mapping.ts';
import { SACN_MAX_UNIVERSE } from '../../core/protocols/sacn/sacn.ts';
import { listenField, nameField, namespaceField, portField, textReadBy } from '../config/config-fields.ts';
import { hostField, keepAliveField, mergeField, modeField, pairsField, rateField } from '../config/dmx-fields.ts';
import type { BridgeType } from './bridge-type.ts';
import { dmxNetwork } from './dmx-network.ts';
import { bytesOf, type SacnBridgeOptions, sacnBridge } from './sacn-bridge.ts';

/** SACN, as in a configuration file. */
export interface SacnBridgeConfig extends Omit<SacnBridgeOptions, 'scheduler'> {
  readonly type: 'sacn';
}

const schema = z.strictObject({
  type: z.literal('sacn'),
  name: nameField.describe('named in the log and in the origin of signals; "sacn" if absent').exactOptional(),
  universes: z
    .array(z.int().min(1).max(SACN_MAX_UNIVERSE))
    .min(1)
    .describe('universes that are read and sent, 1 to 63999; [1] if absent')
    .exactOptional(),
  priority: z.int().min(0).max(200).describe('of what is sent, 0 to 200; 100 if absent').exactOptional(),
  channelPriorities: z
    .union([
      z.boolean(),
      z.array(
        z.strictObject({
          universe: z.int().min(1).max(SACN_MAX_UNIVERSE).describe('every universe if absent').exactOptional(),
          first: z.int().min(1).max(DMX_CHANNELS).describe('the first channel'),
          last: z.int().min(1).max(DMX_CHANNELS).describe('the last channel; the first if absent').exactOptional(),
          priority: z.int().min(0).max(200).describe('0 leaves the channels to others'),
        }),
      ),
    ])
    .describe(
      'priorities for each channel, sent with start code 0xDD: true for those that are written; false if absent',
    )
    .exactOptional(),
  interface: z
    .string()
    .describe('the network to use: name of an interface, an address of this machine, or a CIDR')
    .exactOptional(),
  listen: listenField
    .describe('UDP port, or host:port, for sACN from outside; 0 takes a free one, false sends only; 5568 if absent')
    .exactOptional(),
  host: z
    .string()
    .describe('address to bind to; a socket bound to one address hears no multicast; all addresses if absent')
    .exactOptional(),
  multicast: z
    .boolean()
    .describe('whether the groups of the universes are joined; true if absent, false where bound to one address')
    .exactOptional(),
  targets: z
    .array(hostField)
    .describe('who receives every universe, as address or address:port; the multicast groups if absent')
    .exactOptional(),
  port: portField.describe('the UDP port of the receivers; 5568 if absent').exactOptional(),
  mode: modeField.exactOptional(),
  namespace: namespaceField.describe('where universes live in the relay; "/sacn" if absent').exactOptional(),
  normalize: z
    .boolean()
    .describe('whether params are 0.0 to 1.0 rather than 0 to 255; false if absent')
    .exactOptional(),
  pairs: pairsField([1, SACN_MAX_UNIVERSE]).exactOptional(),
  rate: rateField.exactOptional(),
  keepAlive: keepAliveField.exactOptional(),
  sync: z
    .int()
    .min(0)
    .max(SACN_MAX_UNIVERSE)
    .describe('universe on which sync packets are sent and heard, 0 for none; 0 if absent')
    .exactOptional(),
  merge: mergeField.describe('how sources of equal priority become one; htp if absent').exactOptional(),
  timeout: z
    .number()
    .positive()
    .describe('milliseconds of silence after which a source counts no more; 2500 if absent')
    .exactOptional(),
  preview: z.boolean().describe('whether packets for visualisers only count; false if absent').exactOptional(),
  sourceName: z
    .string()
    .max(63)
    .describe('what others see as the name of the source; "clasp-rx NAME" if absent')
    .exactOptional(),
  cid: textReadBy(bytesOf)
    .describe('a UUID that tells this source from others; a new one each time if absent')
    .exactOptional(),
  send: z.boolean().describe('whether what changes in the relay goes out; true if absent').exactOptional(),
});

/** SACN (ANSI E1.31), as a configuration file has it. */
export const sacnBridgeType: BridgeType<SacnBridgeConfig> = {
  type: 'sacn',
  summary: 'sACN (E1.31): DMX universes over multicast, in both directions, with priorities',
  schema,
  open: (client, config, { name, relayHost, scheduler }) =>
    sacnBridge(client, { ...config, ...dmxNetwork(config, relayHost, { interface: '127.0.0.1' }), name, scheduler }),
};
