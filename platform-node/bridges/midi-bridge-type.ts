import { z } from 'zod';
import { addressField, nameField } from '../config/config-fields.ts';
import type { BridgeType } from './bridge-type.ts';
import { type MidiBridgeOptions, midiBridge } from './midi-bridge.ts';

/** A MIDI device, as in a configuration file. */
export interface MidiBridgeConfig extends Omit<MidiBridgeOptions, 'module' | 'scheduler'> {
  readonly type: 'midi';
  /** Package or path to use in place of `@julusian/midi`. */
  readonly module?: string | undefined;
}

const portField = z.string().min(1);

const schema = z
  .strictObject({
    type: z.literal('midi'),
    name: nameField.describe('named in the log and in the status; "midi" if absent').exactOptional(),
    input: portField
      .describe('name, or a part of the name, of the port that is listened to; none if absent')
      .exactOptional(),
    output: portField
      .describe('name, or a part of the name, of the port that is sent to; none if absent')
      .exactOptional(),
    virtual: z
      .boolean()
      .describe('makes ports of these names for other programs to connect to; false if absent')
      .exactOptional(),
    namespace: addressField.describe('where MIDI lives in the relay; "/midi" if absent').exactOptional(),
    device: nameField
      .describe('a segment after the namespace, so that several devices can stand side by side; none if absent')
      .exactOptional(),
    raw: z.boolean().describe('integers 0 to 127 or 16383 instead of 0 to 1; false if absent').exactOptional(),
    cc14: z
      .union([z.literal(true), z.array(z.int().min(0).max(31)).readonly()])
      .describe('which controls of 0 to 31 have a fine half 32 above them, true for all; none if absent')
      .exactOptional(),
    nrpn: z.boolean().describe('whether controls 98 to 101 select parameters; true if absent').exactOptional(),
    maxSysex: z.int().min(2).describe('bytes of the longest sysex that is read; 65536 if absent').exactOptional(),
    sendState: z
      .boolean()
      .describe('whether the output receives the current params at the start and when it returns; true if absent')
      .exactOptional(),
    latency: z
      .number()
      .min(0)
      .describe('milliseconds added to the time of each signal that is sent; 0 if absent')
      .exactOptional(),
    clock: z
      .boolean()
      .describe('whether clocks are sent, 24 a quarter note, at the tempo that /midi/tempo says; false if absent')
      .exactOptional(),
    echoWindow: z
      .number()
      .min(0)
      .describe('milliseconds for which a value is not sent back to the device it came from; 1000 if absent')
      .exactOptional(),
    poll: z
      .number()
      .min(10)
      .describe('milliseconds between two looks at which ports there are; 1000 if absent')
      .exactOptional(),
    module: z
      .string()
      .min(1)
      .describe('package or path to use in place of @julusian/midi, as one built for JACK')
      .exactOptional(),
  })
  .refine(({ input, output }) => input !== undefined || output !== undefined, 'needs an input or an output');

/** A MIDI device, as a configuration file has it. */
export const midiBridgeType: BridgeType<MidiBridgeConfig> = {
  type: 'midi',
  summary: 'MIDI: what a device plays becomes params and events, what changes is played to it',
  schema,
  open: (client, config, { name, scheduler }) => midiBridge(client, { ...config, name, scheduler }),
};
