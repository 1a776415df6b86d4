import { describe, expect, it } from 'vitest';
import type { MqttPublishProperties } from '../../core/protocols/mqtt/mqtt-packet.ts';
import { MqttPublications } from './mqtt-publications.ts';

const publication = (properties?: MqttPublishProperties) => ({
  publisher: {},
  payload: new Uint8Array(1),
  qos: 0 as const,
  properties,
  expires: Number.POSITIVE_INFINITY,
});

/** How many of 400 publications are remembered within 1 MiB. */
function remembered(properties?: MqttPublishProperties): number {
  const publications = new MqttPublications(1024 * 1024);
  const tags: number[] = [];
  for (let i = 0; i < 400; i++) tags.push(publications.note(publication(properties)));
  let found = 0;
  for (const tag of tags) found += Number(publications.find(tag) !== undefined);
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

  it('is known by its revision where it is retained, and not where somebody else wrote since', () => {
    const publications = new MqttPublications();
    const first = publication();
    publications.retained('/a', 3, first);
    expect(publications.findRetained('/a', 3)).toBe(first);
    expect(publications.findRetained('/a', 4)).toBeUndefined();
    // An answer that comes late changes nothing.
    publications.retained('/a', 2, publication());
    expect(publications.findRetained('/a', 3)).toBe(first);
    publications.forget('/a');
    expect(publications.findRetained('/a', 3)).toBeUndefined();
  });
});
