import { describe, expect, it } from 'vitest';
import type { SignalDefinition } from '../../wire/message.ts';
import { type HomeAssistantOptions, homeAssistantEntity } from './home-assistant.ts';

const entity = (definition: Partial<SignalDefinition>, options: HomeAssistantOptions = {}) => {
  const told = homeAssistantEntity({ address: '/mqtt/hall/x', type: 'param', ...definition }, options);
  if (!told) return undefined;
  const [prefix, component] = told.config.topic.split('/');
  return { ...told, prefix, component, config: JSON.parse(new TextDecoder().decode(told.config.payload)) };
};

describe('homeAssistantEntity', () => {
  it.each([
    ['f64', 'rw', 'number'],
    ['i32', 'r', 'sensor'],
    ['bool', 'rw', 'switch'],
    ['bool', 'r', 'binary_sensor'],
    ['string', 'w', 'text'],
    ['string', 'r', 'sensor'],
  ])('makes of %s (%s) a %s', (datatype, access, component) => {
    const told = entity({ datatype, access });
    expect(told?.component).toBe(component);
    expect(told?.commands).toBe(access.includes('w') ? 'hall/x' : undefined);
    expect(told?.config.command_topic).toBe(told?.commands);
  });

  it('makes nothing of events, of what has no datatype, and of what has no topic', () => {
    expect(entity({ type: 'event', datatype: 'f64' })).toBeUndefined();
    expect(entity({})).toBeUndefined();
    expect(entity({ datatype: 'map' })).toBeUndefined();
    expect(entity({ address: '/elsewhere', datatype: 'f64' })).toBeUndefined();
    expect(entity({ address: '/mqtt/a+b', datatype: 'f64' })).toBeUndefined();
  });

  it('gives range, unit and a step that leaves something between', () => {
    const meta = { range: [0, 1], unit: 'V', description: 'Level' } as const;
    expect(entity({ datatype: 'f64', meta })?.config).toMatchObject({
      min: 0,
      max: 1,
      step: 0.001,
      unit_of_measurement: 'V',
      name: 'Level',
    });
    expect(entity({ datatype: 'i32', meta: { range: [0, 255] } })?.config).toMatchObject({ max: 255, step: 1 });
    expect(entity({ datatype: 'f64' })?.config).toMatchObject({ mode: 'box', min: -1e9 });
  });

  it('never gives two topics one id', () => {
    const first = entity({ address: '/mqtt/a/b', datatype: 'f64' })?.config.unique_id;
    const second = entity({ address: '/mqtt/a_b', datatype: 'f64' })?.config.unique_id;
    expect(first).not.toBe(second);
  });

  it('names prefix, node and the topic of availability', () => {
    const told = entity({ datatype: 'f64' }, { prefix: 'ha', node: 'venue', availability: 'clasp/venue/status' });
    expect(told?.prefix).toBe('ha');
    expect(told?.config).toMatchObject({ availability_topic: 'clasp/venue/status' });
    expect(told?.config.unique_id).toMatch(/^venue-/);
  });
});
