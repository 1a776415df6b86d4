import { describe, expect, it } from 'vitest';
import type { RelayConfig } from '../config/relay-config.ts';
import { type RelayFlags, withFlags } from './relay-reload.ts';

const flags = (given: Partial<RelayFlags> = {}): RelayFlags => ({
  fixed: {},
  osc: { listen: undefined, targets: [], namespace: undefined },
  mqttPort: undefined,
  auth: { on: false, settings: {} },
  ...given,
});

describe('options and a configuration file', () => {
  const file: RelayConfig = {
    name: 'Venue',
    port: 1,
    bridges: [
      { type: 'http', port: 8080 },
      { type: 'osc', name: 'desk', listen: 8000, targets: ['10.0.0.1:9'], namespace: '/desk' },
      { type: 'osc', name: 'other', listen: 8001 },
    ],
  };

  it('the file alone is what it says', () => {
    expect(withFlags(file, flags())).toEqual(file);
  });

  it('an option wins over its key', () => {
    expect(withFlags(file, flags({ fixed: { port: 0, maxSessions: 5 } }))).toEqual({
      ...file,
      port: 0,
      maxSessions: 5,
    });
  });

  it('options of authentication turn it on, or only change it where it is on', () => {
    const admin = { on: true, settings: { adminToken: 'admin.token' } };
    expect(withFlags(file, flags({ auth: admin }))).toEqual({ ...file, auth: { adminToken: 'admin.token' } });
    const db = { on: false, settings: { db: 'my.db' } };
    expect(withFlags(file, flags({ auth: db }))).toEqual(file);
    const authenticated = { ...file, auth: { tokenTtl: 5, db: 'its.db' } };
    expect(withFlags(authenticated, flags({ auth: db })).auth).toEqual({ tokenTtl: 5, db: 'my.db' });
  });

  it('options for OSC change what they name of the first OSC bridge, or make one', () => {
    const osc = { listen: 7000, targets: [], namespace: undefined };
    expect(withFlags(file, flags({ osc })).bridges?.[1]).toEqual({
      type: 'osc',
      name: 'desk',
      listen: 7000,
      targets: ['10.0.0.1:9'],
      namespace: '/desk',
    });
    expect(withFlags(file, flags({ osc })).bridges?.[2]).toBe(file.bridges?.[2]);
    expect(withFlags({}, flags({ osc })).bridges).toEqual([
      { type: 'osc', listen: 7000, targets: [], namespace: '/osc' },
    ]);
  });

  it('the namespace for OSC alone counts for an OSC bridge of the file, and makes none', () => {
    const osc = { listen: undefined, targets: [], namespace: '/stage' };
    expect(withFlags(file, flags({ osc })).bridges?.[1]).toEqual({ ...file.bridges?.[1], namespace: '/stage' });
    expect(withFlags({}, flags({ osc })).bridges).toBeUndefined();
  });

  it('the port for MQTT is that of the MQTT server of the file, or makes one', () => {
    const server: RelayConfig = { bridges: [{ type: 'mqtt-server', name: 'clients', port: 1884 }] };
    expect(withFlags(server, flags({ mqttPort: 0 })).bridges).toEqual([
      { type: 'mqtt-server', name: 'clients', port: 0 },
    ]);
    expect(withFlags(file, flags({ mqttPort: 1883 })).bridges?.at(-1)).toEqual({ type: 'mqtt-server', port: 1883 });
  });
});
