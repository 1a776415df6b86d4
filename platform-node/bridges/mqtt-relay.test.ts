import { spawn } from 'node:child_process';
import { Clasp } from '@clasp-to/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { freePort } from '../../peers/free-port.ts';
import { installed } from '../../peers/installed.ts';
import { mosquittoPub } from '../../peers/mosquitto.ts';
import { closeAll, open, waitFor } from '../../peers/mqtt-bridge-rig.ts';
import { probe } from '../../peers/mqtt-server-rig.ts';
import type { RelayConfig } from '../config/relay-config.ts';
import { createRelay } from '../relay.ts';

afterEach(closeAll);

/** A relay as a configuration file starts it, with an MQTT server. */
async function start(config: RelayConfig = {}) {
  const relay = createRelay({ port: 0, bridges: [{ name: 'clients', type: 'mqtt-server', port: 0 }], ...config });
  open.push(() => relay.close());
  const { port, bridges } = await relay.ready;
  const mqttPort = Number(bridges[0]?.address.split(':').at(-1));
  return { relay, port, mqttPort, app: relay.client('app'), url: `http://127.0.0.1:${port}` };
}

describe('a relay with an MQTT server', () => {
  it.skipIf(!installed('mosquitto_pub'))(
    'makes what mosquitto_pub retains readable as a param, and by HTTP',
    async () => {
      const { app, url, mqttPort } = await start();
      await mosquittoPub(mqttPort, '-r', '-t', 'sensors/temp', '-m', '21.5');
      expect(await app.get('/mqtt/sensors/temp')).toBe(21.5);
      const answer = await fetch(`${url}/v1/state/mqtt/sensors/temp`);
      expect(await answer.json()).toMatchObject({ address: '/mqtt/sensors/temp', value: 21.5 });
    },
  );

  it.skipIf(!installed('mosquitto_pub') || !installed('oscdump'))(
    'brings what mosquitto_pub retains to the published client, to an EventSource and to oscdump',
    async () => {
      vi.stubGlobal('WebSocket', WebSocket);
      vi.spyOn(console, 'debug').mockReturnValue();
      open.push(() => vi.unstubAllGlobals());
      const oscPort = await freePort();
      const printed: string[] = [];
      const dump = spawn(installed('oscdump') as string, ['-L', String(oscPort)]);
      dump.stdout.on('data', (text) => printed.push(String(text)));
      open.push(() => dump.kill());
      const osc = { type: 'osc', listen: '127.0.0.1:0', namespace: '', targets: [`127.0.0.1:${oscPort}`] } as const;
      const { url, port, mqttPort } = await start({ bridges: [{ type: 'mqtt-server', port: 0 }, osc] });

      const published = new Clasp(`ws://127.0.0.1:${port}/clasp`, { reconnect: false });
      open.push(() => published.close());
      await published.connect();
      const heard: unknown[] = [];
      published.on('/mqtt/**', (value, address) => heard.push([value, address]));
      const stop = new AbortController();
      open.push(() => stop.abort());
      const events = await fetch(`${url}/v1/events?pattern=/mqtt/**`, { signal: stop.signal });
      let streamed = '';
      const reading = async () => {
        for await (const bytes of events.body ?? []) streamed += Buffer.from(bytes);
      };
      reading().catch(() => undefined); // ends with the test

      await vi.waitFor(
        async () => {
          await mosquittoPub(mqttPort, '-r', '-t', 'sensors/temp', '-m', '21.5');
          expect(printed.join('')).toContain('/mqtt/sensors/temp f 21.5');
        },
        { timeout: 20_000, interval: 200 },
      );
      await waitFor(() => expect(heard).toContainEqual([21.5, '/mqtt/sensors/temp']));
      await waitFor(() => expect(streamed).toContain('"address":"/mqtt/sensors/temp","value":21.5'));
    },
  );

  it.each([4, 5] as const)(
    'takes MQTT over WebSocket on its own port (protocol %d), beside CLASP and JSON',
    async (version) => {
      const { port, mqttPort, app } = await start();
      const inBrowser = await probe(port, { protocol: 'ws', path: '/mqtt', protocolVersion: version });
      const onWire = await probe(mqttPort, { protocolVersion: version });
      await inBrowser.client.subscribeAsync('#', { qos: 1 });
      await onWire.client.publishAsync('a', 'x'.repeat(60_000), { qos: 1 });
      await waitFor(() => expect(inBrowser.received[0]?.length).toBe(60_002));
      await inBrowser.client.publishAsync('b', 'from the browser', { qos: 2, retain: true });
      expect(await app.get('/mqtt/b')).toBe('from the browser');

      const clasp = new WebSocket(`ws://127.0.0.1:${port}`, ['clasp', 'mqtt']);
      open.push(() => clasp.terminate());
      await waitFor(() => expect(clasp.protocol).toBe('clasp'));
      const json = new WebSocket(`ws://127.0.0.1:${port}/json`, 'mqtt');
      open.push(() => json.terminate());
      json.on('error', () => undefined);
      await waitFor(() => expect(json.readyState).not.toBe(WebSocket.CONNECTING));
      expect(inBrowser.client.connected).toBe(true);
    },
  );

  it('joins two relays, one of which is the broker of the other, over WebSocket', async () => {
    const { port, app } = await start();
    const far = createRelay({
      port: 0,
      bridges: [{ name: 'broker', type: 'mqtt', url: `ws://127.0.0.1:${port}/mqtt`, subscribe: ['#'] }],
    });
    open.push(() => far.close());
    await far.ready;
    const there = far.client('there');
    await app.set('/mqtt/a', { x: [1, true, null] });
    await waitFor(async () => expect(await there.get('/mqtt/a')).toEqual({ x: [1, true, null] }));
    await there.set('/mqtt/b', new Uint8Array([0xff, 1]));
    await waitFor(async () => expect(await app.get('/mqtt/b')).toEqual(new Uint8Array([0xff, 1])));
    await there.set('/mqtt/a', null);
    await waitFor(async () => expect(await app.get('/mqtt/a')).toBeNull());
    const status = await there.get('/clasp/bridges/broker/status');
    expect(status).toMatchObject({ state: 'ready' });
  });

  it('lets in by the tokens of the relay, with their scopes', async () => {
    const authenticate: RelayConfig['authenticate'] = (token) => ({
      scopes: token === 'desk' ? ['admin:/**'] : ['read:/mqtt/open/**'],
    });
    const { mqttPort, app } = await start({ authenticate });
    await app.set('/mqtt/open/a', 1);
    await app.set('/mqtt/secret', 2);
    const guest = await probe(mqttPort, { username: 'guest', password: 'guest' });
    await guest.client.subscribeAsync('#', { qos: 1 });
    await waitFor(() => expect(guest.received).toEqual(['open/a 1 (r)']));
    await expect(guest.client.publishAsync('open/a', '5', { qos: 1, retain: true })).rejects.toMatchObject({
      code: 0x87,
    });
    const desk = await probe(mqttPort, { username: 'desk', password: 'desk' });
    await desk.client.publishAsync('open/a', '6', { qos: 1, retain: true });
    await waitFor(() => expect(guest.received.at(-1)).toBe('open/a 6'));
  });

  it.skipIf(!installed('mosquitto_pub'))('asks for the rights of a user, by name and password', async () => {
    const authenticate: RelayConfig['authenticate'] = (token, { username }) => {
      if (token !== 'shared') throw new ClaspError(ErrorCode.NotAuthenticated, 'unknown password');
      return { scopes: username === 'anna' ? ['admin:/**'] : ['read:/**'] };
    };
    const { mqttPort, app } = await start({ authenticate });
    const publish = (user: string, password: string) =>
      mosquittoPub(mqttPort, '-u', user, '-P', password, '-r', '-q', '1', '-t', 'a', '-m', user);
    await publish('anna', 'guessed').catch(() => undefined);
    await publish('bert', 'shared').catch(() => undefined);
    expect(await app.get('/mqtt/a')).toBeNull();
    await publish('anna', 'shared');
    expect(await app.get('/mqtt/a')).toBe('anna');
  });

  it('names the key that is wrong, and the port that is in use', async () => {
    const wrong = createRelay({ port: 0, bridges: [{ type: 'mqtt-server', port: 70_000 }] });
    open.push(() => wrong.close());
    await expect(wrong.ready).rejects.toMatchObject({ code: 402, reason: expect.stringContaining('port') });
    const { mqttPort } = await start();
    const second = createRelay({ port: 0, bridges: [{ type: 'mqtt-server', port: mqttPort }] });
    open.push(() => second.close());
    await expect(second.ready).rejects.toMatchObject({ code: 500, reason: expect.stringContaining('in use') });
  });

  it('stops: clients are told, and the port is free again', async () => {
    const { relay, mqttPort } = await start();
    const { client } = await probe(mqttPort);
    const told = new Promise((resolve) => client.once('disconnect', ({ reasonCode }) => resolve(reasonCode)));
    await relay.close();
    expect(await told).toBe(0x8b);
    const { mqttPort: again } = await start({ bridges: [{ type: 'mqtt-server', port: mqttPort }] });
    expect(again).toBe(mqttPort);
  });
});
