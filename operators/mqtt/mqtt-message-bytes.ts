import type { MqttPublishProperties } from '../../core/protocols/mqtt-packet.ts';

/** What one text costs beside its characters. */
const TEXT = 32;

/** Bytes that keeping a message takes, about: its payload, and what its publisher said beside it, which may be more. */
export function mqttMessageBytes({
  payload,
  properties,
}: {
  readonly payload: Uint8Array;
  readonly properties: MqttPublishProperties | undefined;
}): number {
  if (properties === undefined) return payload.length;
  const { contentType = '', responseTopic = '', correlationData, userProperties = {} } = properties;
  let bytes = payload.length + 2 * (contentType.length + responseTopic.length) + (correlationData?.length ?? 0);
  for (const name of Object.keys(userProperties)) {
    const said = userProperties[name] ?? '';
    bytes += TEXT + 2 * name.length;
    for (const text of typeof said === 'string' ? [said] : said) bytes += TEXT + 2 * text.length;
  }
  return bytes;
}
