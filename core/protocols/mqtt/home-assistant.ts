import { stringifyJson } from '../../signal/json.ts';
import type { Value } from '../../signal/value.ts';
import type { SignalDefinition } from '../../wire/message.ts';
import type { MqttMessage } from './mqtt.ts';
import { toMqttTopic } from './mqtt-topic.ts';

export interface HomeAssistantOptions {
  /** Where Home Assistant looks for configurations. @defaultValue 'homeassistant' */
  readonly prefix?: string;
  /** Tells relays apart, in ids: letters, digits, `_` and `-`. @defaultValue 'clasp' */
  readonly node?: string;
  /** Prefix that is taken off the addresses; `''` for none. @defaultValue '/mqtt' */
  readonly namespace?: string;
  /** A topic that says `online` or `offline`. @defaultValue none: always available */
  readonly availability?: string | undefined;
}

/** What Home Assistant is told of one param. */
export interface HomeAssistantEntity {
  /** The retained message that configures it. */
  readonly config: MqttMessage;
  /** The topic to which Home Assistant writes, when it may. */
  readonly commands: string | undefined;
}

const BOOLEANS = /^bool/i;
const NUMBERS = /^(?:[iu](?:8|16|32|64)|int|uint|f32|f64|float|double|number)/i;
const INTEGERS = /^(?:[iu](?:8|16|32|64)|u?int)/i;

/**
 * The MQTT discovery message of Home Assistant for an announced param: a `number` or `switch` where it may be written, a
 * `sensor` or `binary_sensor` where it may not, a `text` for text. Undefined for what is no param, has no known datatype
 * or no topic. Its state and its commands share the param's topic, commands retained, so that they are params as well.
 *
 * @example
 * ```ts
 * const dimmer = { address: '/mqtt/hall/dimmer', type: 'param', datatype: 'f64', meta: { range: [0, 1] } } as const;
 * homeAssistantEntity(dimmer)?.config.topic; // homeassistant/number/clasp/hall_dimmer-kpmy4x/config
 * ```
 */
export function homeAssistantEntity(
  { address, type, datatype, access = 'rw', meta = {} }: SignalDefinition,
  { prefix = 'homeassistant', node = 'clasp', namespace = '/mqtt', availability }: HomeAssistantOptions = {},
): HomeAssistantEntity | undefined {
  if (type !== 'param' || datatype === undefined) return undefined;
  let topic: string;
  try {
    topic = toMqttTopic(address, namespace);
  } catch {
    return undefined; // no topic, nothing to tell of
  }
  const writable = /w/i.test(access);
  const component = componentOf(datatype, writable);
  if (component === undefined) return undefined;

  const id = `${topic.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64)}-${hash(topic)}`;
  const { unit, range, description } = meta;
  const config: Record<string, Value> = {
    name: description ?? topic,
    unique_id: `${node}-${id}`,
    state_topic: topic,
    ...(writable && { command_topic: topic, retain: true }),
    ...(unit !== undefined && component !== 'switch' && component !== 'text' && { unit_of_measurement: unit }),
    ...(component === 'number' && { ...boundsOf(range), step: stepOf(datatype, range) }),
    ...((component === 'switch' || component === 'binary_sensor') && { payload_on: 'true', payload_off: 'false' }),
    ...(availability !== undefined && { availability_topic: availability }),
  };
  const payload = new TextEncoder().encode(stringifyJson(config));
  return {
    config: { topic: `${prefix}/${component}/${node}/${id}/config`, payload, retain: true, qos: 1 },
    commands: writable ? topic : undefined,
  };
}

function componentOf(datatype: string, writable: boolean): string | undefined {
  if (BOOLEANS.test(datatype)) return writable ? 'switch' : 'binary_sensor';
  if (NUMBERS.test(datatype)) return writable ? 'number' : 'sensor';
  if (/^(?:string|text|str)/i.test(datatype)) return writable ? 'text' : 'sensor';
  return undefined;
}

/** Without a range Home Assistant would take nothing below 1 and above 100; a slider over everything is of no use. */
function boundsOf(range: readonly [number, number] | undefined): Record<string, Value> {
  return range ? { min: range[0], max: range[1], mode: 'slider' } : { min: -1e9, max: 1e9, mode: 'box' };
}

/** Home Assistant takes no step below 0.001; its default of 1 would leave nothing between 0 and 1. */
function stepOf(datatype: string, range: readonly [number, number] | undefined): number {
  if (INTEGERS.test(datatype)) return 1;
  const [low, high] = range ?? [0, 1];
  return Math.max(0.001, Number(((high - low) / 1000).toPrecision(1)));
}

/** Keeps topics apart that look the same once their odd characters are gone. */
function hash(text: string): string {
  let sum = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x0100_0193);
  return (sum >>> 0).toString(36);
}
