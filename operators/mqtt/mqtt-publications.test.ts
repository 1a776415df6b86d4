import { describe, expect, it } from 'vitest';
import type { MqttPublishProperties } from '../../core/protocols/mqtt/mqtt-packet.ts';
import { MqttPublications } from './mqtt-publications.ts';

const publication = (properties?: MqttPublishProperties) => ({
  value: 1,
  publisher: {},
  payload: new Uint8Array(1),
  qos: 0 as const,
  properties,
  expires: Number.POSITIVE_INFINITY,
});

/** How many of 400 publications are remembered within 1 MiB. */
function remembered(properties?: MqttPublishProperties): number {
  const publications = new MqttPublications(1024 * 1024);
  for (let i = 0; i < 400; i++) publications.note('event', `/a/${i}`, publication(properties));
  let found = 0;
  for (let i = 0; i < 400; i++) found += Number(publications.find('event', `/a/${i}`, 1, 0) !== undefined);
  return found;
}

describe('what MQTT clients published', () => {
  it('is remembered within a number of bytes, of which what is said beside the payload counts', () => {
    const long = 'x'.repeat(20_000);
    expect(remembered()).toBe(400);
    expect(remembered({ contentType: 'text' })).toBe(400);
    for (const properties of [
      { userProperties: { a: long } },
      { userProperties: { [long]: ['', ''] } },
      { userProperties: { a: [long, long] } },
      { contentType: long },
      { responseTopic: long },
      { correlationData: new Uint8Array(20_000) },
    ]) {
      expect(remembered(properties)).toBeLessThan(60);
    }
  });
});
