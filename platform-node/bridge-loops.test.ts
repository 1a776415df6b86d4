import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import mqtt, { type MqttClient } from 'mqtt';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { decodeOsc } from '../core/protocols/osc/osc-decode.ts';
import { encodeOsc } from '../core/protocols/osc/osc-encode.ts';
import type { RouteConfig } from '../core/transforms/route.ts';
import { createRelay } from './relay.ts';
import type { RelayEvent } from './relay-event.ts';

const eventually = { timeout: 20_000, interval: 20 };
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** A relay with routes both ways between OSC and MQTT, an OSC peer and an MQTT client, and what they have received. */
async function start(transform: Pick<RouteConfig, 'transform'>) {
  const peer = createSocket('udp4');
  const overOsc: unknown[] = [];
  peer.on('message', (packet) => overOsc.push(decodeOsc(packet)));
  peer.bind(0, '127.0.0.1');
  await once(peer, 'listening');
  undo.push(() => new Promise<void>((closed) => peer.close(closed)));
  const relay = createRelay({
    port: 0,
    bridges: [
      { name: 'osc', type: 'osc', listen: '127.0.0.1:0', targets: [`127.0.0.1:${peer.address().port}`] },
      { name: 'clients', type: 'mqtt-server', port: 0 },
    ],
    routes: [
      { from: '/osc/*', to: '/mqtt/$1' },
      { from: '/mqtt/*', to: '/osc/$1', ...transform },
    ],
  });
  undo.push(() => relay.close());
  const events: RelayEvent[] = [];
  relay.events.subscribe((event) => events.push(event));
  const [oscPort, mqttPort] = (await relay.ready).bridges.map(({ address }) => Number(address.split(':').at(-1)));
  const client: MqttClient = await mqtt.connectAsync(`mqtt://127.0.0.1:${mqttPort}`, { protocolVersion: 5 });
  undo.push(() => client.endAsync(true));
  const overMqtt: string[] = [];
  client.on('message', (topic, payload) => overMqtt.push(`${topic} ${payload}`));
  await client.subscribeAsync('#');
  const sendOsc = (address: string, value: number) => {
    peer.send(encodeOsc({ address, args: [{ type: 'f', value }] }), oscPort as number, '127.0.0.1');
  };
  const loops = () => events.filter(({ type }) => type === 'loop');
  const app = relay.client('app');
  return { app, client, sendOsc, overOsc, overMqtt, loops };
}

describe('routes both ways between OSC and MQTT', () => {
  it('keep both sides alike: nothing goes around, and nobody gets back what he said', async () => {
    const { app, client, sendOsc, overOsc, overMqtt, loops } = await start({});
    sendOsc('/a', 0.5);
    await vi.waitFor(() => expect(overMqtt).toEqual(['a 0.5']), eventually);
    await client.publishAsync('b', '2', { retain: true });
    await vi.waitFor(() => expect(overOsc).toMatchObject([{ address: '/b', args: [{ value: 2 }] }]), eventually);
    // What comes of it has come before this.
    await app.set('/osc/end', 1);
    await vi.waitFor(() => expect(overOsc).toHaveLength(2), eventually);
    await vi.waitFor(() => expect(overMqtt).toContain('end 1'), eventually);
    expect(overOsc).toMatchObject([{ address: '/b' }, { address: '/end' }]);
    expect(overMqtt.filter((line) => line.startsWith('a '))).toEqual(['a 0.5']);
    expect(loops()).toEqual([]);
  });

  it('that change the value stop after 8 hops, and name the circle once', async () => {
    const { app, sendOsc, overMqtt, loops } = await start({ transform: [{ type: 'expression', expression: 'x + 1' }] });
    sendOsc('/a', 0);
    await vi.waitFor(() => expect(loops()).toHaveLength(1), eventually);
    sendOsc('/a', 100);
    await vi.waitFor(async () => expect(await app.get('/osc/a')).toBe(104), eventually);
    expect(loops()).toMatchObject([{ addresses: expect.arrayContaining(['/mqtt/a', '/osc/a']) }]);
    await vi.waitFor(() => expect(overMqtt.at(-1)).toBe('a 103'), eventually);
    expect(overMqtt.length).toBeLessThanOrEqual(8);
  });
});
