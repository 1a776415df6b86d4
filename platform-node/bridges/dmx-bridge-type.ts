import { z } from 'zod';
import { nameField, namespaceField } from '../config/config-fields.ts';
import { modeField, pairsField } from '../config/dmx-fields.ts';
import type { BridgeType } from './bridge-type.ts';
import { type DmxBridgeOptions, dmxBridge } from './dmx-bridge.ts';

/** A DMX device on a serial port, as in a configuration file. */
export interface DmxBridgeConfig extends Omit<DmxBridgeOptions, 'scheduler' | 'reconnect'> {
  readonly type: 'dmx';
}

const schema = z.strictObject({
  type: z.literal('dmx'),
  name: nameField.describe('named in the log and in the origin of signals; "dmx" if absent').exactOptional(),
  port: z.string().min(1).describe('the serial device: /dev/ttyUSB0, COM3'),
  driver: z
    .enum(['enttec-pro', 'open-dmx'])
    .describe('enttec-pro: ENTTEC DMX USB Pro; open-dmx: a bare line, out only; enttec-pro if absent')
    .exactOptional(),
  direction: z
    .enum(['in', 'out'])
    .describe('out sends what the relay has, in writes what the widget receives; out if absent')
    .exactOptional(),
  changesOnly: z
    .boolean()
    .describe('whether the widget tells of channels that change only; false if absent')
    .exactOptional(),
  baudRate: z.int().positive().describe('bits a second; 57600, or 250000 with open-dmx, if absent').exactOptional(),
  mode: modeField.exactOptional(),
  namespace: namespaceField.describe('where the channels live in the relay; "/dmx" if absent').exactOptional(),
  normalize: z
    .boolean()
    .describe('whether params are 0.0 to 1.0 rather than 0 to 255; false if absent')
    .exactOptional(),
  pairs: pairsField().exactOptional(),
  rate: z
    .number()
    .min(1)
    .max(44)
    .describe('frames a second at most; 40, or 30 with open-dmx, if absent')
    .exactOptional(),
});

/** A DMX device on a serial port, as a configuration file has it. */
export const dmxBridgeType: BridgeType<DmxBridgeConfig> = {
  type: 'dmx',
  summary: 'DMX on a serial port: ENTTEC DMX USB Pro out or in, Open DMX out',
  schema,
  open: (client, config, { name, scheduler }) => dmxBridge(client, { ...config, name, scheduler }),
};
