import type { AddressInfo } from 'node:net';
import mqtt from 'mqtt';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../peers/free-port.ts';
import { installed } from '../../peers/installed.ts';
import { mosquittoPub, mosquittoSub } from '../../peers/mosquitto.ts';
import { bridge, broker, closeAll, device, open, relay, url, waitFor } from '../../peers/mqtt-bridge-rig.ts';
import { mqttRelay, probe } from '../../peers/mqtt-server-rig.ts';
import type { MqttBridgeOptions } from './mqtt-bridge.ts';

afterEach(closeAll);

describe.skipIf(!installed('mosquitto') || !installed('mosquitto_pub') || !installed('mosquitto_sub'))(
  'mqttBridge, with Mosquitto',
  () => {
    it('brings retained messages in as params and the others as events', async () => {
      const peer = await broker();
      await mosquittoPub(peer.port, '-r', '-t', 'sensors/temp', '-m', '21.5');
      const { relay: running, app } = relay();
      const events: unknown[] = [];
      app.on('/mqtt/**', { types: ['event'] }).subscribe(({ address, ...signal }) => {
        if (signal.kind === 'event') events.push([address, signal.value]);
      });
      await bridge(running.client('broker'), { url: url(peer), subscribe: ['sensors/#'] }).ready();
      await waitFor(async () => expect(await app.get('/mqtt/sensors/temp')).toBe(21.5));
      await mosquittoPub(peer.port, '-r', '-t', 'sensors/door', '-m', '{"open":true}');
      await mosquittoPub(peer.port, '-t', 'sensors/motion', '-m', 'hall');
      await mosquittoPub(peer.port, '-t', 'other/motion', '-m', 'hall');
      await waitFor(async () => expect(await app.get('/mqtt/sensors/door')).toEqual({ open: true }));
      await waitFor(() => expect(events).toEqual([['/mqtt/sensors/motion', 'hall']]));
      expect(await app.get('/mqtt/sensors/motion')).toBeNull();
    });

    it('takes the end of a retained message for the end of the param, and tells of it', async () => {
      const peer = await broker();
      const { relay: running, app } = relay();
      await bridge(running.client('broker'), { url: url(peer), subscribe: ['sensors/#'] }).ready();
      await mosquittoPub(peer.port, '-r', '-t', 'sensors/temp', '-m', '1');
      await waitFor(async () => expect(await app.get('/mqtt/sensors/temp')).toBe(1));
      await mosquittoPub(peer.port, '-r', '-n', '-t', 'sensors/temp');
      await waitFor(async () => expect(await app.get('/mqtt/sensors/temp')).toBeNull());

      await app.set('/mqtt/lamp', 'on');
      await waitFor(async () =>
        expect(await mosquittoSub(peer.port, '-t', 'lamp', '-C', '1', '-W', '5')).toEqual(['on']),
      );
      const { received } = await device(peer.port, 'lamp');
      await app.set('/mqtt/lamp', null);
      await waitFor(() => expect(received).toEqual(['lamp on (r)', 'lamp  (r)']));
    });

    it('sends the state at the start, then what changes: params retained, events and samples not', async () => {
      const peer = await broker();
      const { relay: running, app } = relay();
      await app.set('/mqtt/lamp/level', 0.5);
      await app.set('/elsewhere', 1);
      const { received } = await device(peer.port, '#');
      await bridge(running.client('broker'), { url: url(peer) }).ready();
      await waitFor(() => expect(received).toEqual(['lamp/level 0.5 (r)']));
      app.emit('/mqtt/go', { cue: 7 });
      app.set('/mqtt/lamp/name', 'hall');
      app.stream('/mqtt/meter', 0.25);
      await waitFor(() => expect(received.length).toBe(4));
      expect(received.slice(1).sort()).toEqual(['go {"cue":7}', 'lamp/name hall (r)', 'meter 0.25']);
    });

    it.each([4, 5] as const)('sends nothing back to where it came from (protocol %d)', async (protocolVersion) => {
      const peer = await broker();
      const { relay: running, app } = relay();
      const seen: [string, unknown][] = [];
      app.on('/mqtt/**').subscribe((signal) => seen.push([signal.kind, 'value' in signal ? signal.value : null]));
      const link = bridge(running.client('broker'), { url: url(peer), subscribe: ['#'], protocolVersion });
      await link.ready();
      const { received, client } = await device(peer.port, '#');
      await app.set('/mqtt/a', 1);
      await waitFor(() => expect(received).toEqual(['a 1 (r)']));
      for (let step = 2; step <= 50; step++) client.publish('a', String(step), { retain: true, qos: 1 });
      await waitFor(async () => expect(await app.get('/mqtt/a')).toBe(50));
      await app.set('/mqtt/a', 'last');
      await app.emit('/mqtt/e', 'once');
      await waitFor(() => expect(received.at(-1)).toBe('e once'));
      // Once more around, so that an echo would have come.
      client.publish('end', 'x', { qos: 1 });
      await waitFor(() => expect(seen.at(-1)).toEqual(['event', 'x']));
      expect(received.filter((line) => line.startsWith('a ')).length).toBe(51);
      expect(received.filter((line) => line === 'e once').length).toBe(1);
      expect(seen.filter(([kind]) => kind === 'event')).toEqual([['event', 'x']]);
    });

    it('goes on when the broker vanishes: params are pushed when it returns, events of that time are told of', async () => {
      const peer = await broker();
      const { relay: running, app } = relay();
      const link = bridge(running.client('broker'), { url: url(peer), subscribe: ['sensors/#'] });
      await link.ready();
      await app.set('/mqtt/lamp', 'on');
      await app.set('/mqtt/gone', 1);
      await mosquittoPub(peer.port, '-r', '-t', 'sensors/temp', '-m', '20');
      await waitFor(async () => expect(await app.get('/mqtt/sensors/temp')).toBe(20));
      await waitFor(async () =>
        expect(await mosquittoSub(peer.port, '-t', 'gone', '-C', '1', '-W', '5')).toEqual(['1']),
      );

      await peer.kill();
      await waitFor(() => expect(link.count('retrying')).toBeGreaterThan(0));
      await app.set('/mqtt/lamp', 'off');
      await app.set('/mqtt/gone', null);
      await app.set('/mqtt/new', true);
      await app.emit('/mqtt/go', 1);
      await waitFor(() =>
        expect(link.failures()).toEqual([expect.objectContaining({ code: 503, address: '/mqtt/go' })]),
      );

      await peer.start();
      await link.ready(2);
      const { received } = await device(peer.port, '#');
      await waitFor(() => expect(received.sort()).toEqual(['lamp off (r)', 'new true (r)']));
      await mosquittoPub(peer.port, '-r', '-t', 'sensors/temp', '-m', '22');
      await waitFor(async () => expect(await app.get('/mqtt/sensors/temp')).toBe(22));
    });

    it('tells of events that the broker did not confirm before it vanished, by name, and not of params', async () => {
      const peer = await broker();
      const { relay: running, app } = relay();
      const link = bridge(running.client('broker'), { url: url(peer), qos: 1 });
      await link.ready();
      peer.freeze();
      await app.set('/mqtt/lamp', 'on');
      await app.emit('/mqtt/go', 1);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await peer.kill();
      await waitFor(() => expect(link.count('retrying')).toBeGreaterThan(0));
      const lost = { code: 503, reason: 'event /mqtt/go not sent: the broker went without confirming it' };
      await waitFor(() => expect(link.failures()).toEqual([expect.objectContaining({ ...lost, address: '/mqtt/go' })]));
      await peer.start();
      const { received } = await device(peer.port, '#');
      await waitFor(() => expect(received.map((each) => each.slice(0, 7))).toEqual(['lamp on']));
    });

    it('waits for a broker that is not there yet', async () => {
      const { relay: running, app } = relay();
      const port = await freePort();
      const link = bridge(running.client('broker'), { url: `mqtt://127.0.0.1:${port}` });
      await waitFor(() => expect(link.count('retrying')).toBeGreaterThan(0));
      expect(link.events[0]).toMatchObject({ type: 'retrying', reason: { code: 502 } });
      expect(link.ended()).toBeUndefined();
      await app.set('/mqtt/a', 1);
    });

    it.each([0, 1, 2] as const)('loses nothing of a burst of thousands of writes, at QoS %d', async (qos) => {
      const peer = await broker();
      const { relay: running, app } = relay();
      const { received } = await device(peer.port, '#');
      const link = bridge(running.client('broker'), { url: url(peer), qos });
      await link.ready();
      for (let n = 0; n < 3_000; n++) app.set(`/mqtt/cue/${n}`, n);
      await waitFor(() => expect(new Set(received).size).toBe(3_000));
      expect(link.count('retrying')).toBe(0);
    });

    it('tells of what does not get through, and goes on', async () => {
      const peer = await broker();
      const { relay: running, app } = relay();
      const link = bridge(running.client('broker'), { url: url(peer), subscribe: ['deep/#'] });
      await link.ready();
      await mosquittoPub(peer.port, '-t', `deep/${Array(80).fill('a').join('/')}`, '-m', '1');
      await waitFor(() => expect(link.failures().map(({ code }) => code)).toContain(200));
      await app.set('/mqtt/a+b', 1);
      await app.set('/mqtt/held', 1, { lock: true });
      await waitFor(() => expect(link.failures().map(({ address }) => address)).toContain('/mqtt/a+b'));
      await mosquittoPub(peer.port, '-r', '-t', 'deep/after', '-m', '1');
      await waitFor(async () => expect(await app.get('/mqtt/deep/after')).toBe(1));
    });

    it('hears what came while it was away, where it is remembered', async () => {
      const peer = await broker();
      const { relay: running, app } = relay();
      const heard: unknown[] = [];
      app
        .on('/mqtt/**', { types: ['event'] })
        .subscribe((signal) => signal.kind === 'event' && heard.push(signal.value));
      const options = { url: url(peer), subscribe: ['q'], clean: false, clientId: 'venue' };
      const first = bridge(running.client('one'), options);
      await first.ready();
      await vi.waitFor(async () => {
        await mosquittoPub(peer.port, '-q', '1', '-t', 'q', '-m', 'there');
        expect(heard).toContain('there');
      }, 10_000);
      first.close();
      await vi.waitFor(async () => {
        await mosquittoPub(peer.port, '-q', '1', '-t', 'q', '-m', 'away');
        const second = bridge(running.client('two'), options);
        await second.ready();
        await waitFor(() => expect(heard).toContain('away'));
      }, 20_000);
    });

    it('can leave the state at the start to itself', async () => {
      const peer = await broker();
      const { relay: running, app } = relay();
      await app.set('/mqtt/before', 1);
      const { received } = await device(peer.port, '#');
      await bridge(running.client('broker'), {
        url: url(peer),
        sendState: false,
        publish: ['/mqtt/b*', '/mqtt/*'],
      }).ready();
      await vi.waitFor(async () => {
        await app.emit('/mqtt/tick', 1);
        expect(received).toContain('tick 1');
      }, 10_000);
      await app.set('/mqtt/before', 2);
      await app.set('/mqtt/deep/er', 2);
      await app.emit('/mqtt/end', 1);
      await waitFor(() => expect(received.at(-1)).toBe('end 1'));
      expect(received.filter((line) => !line.startsWith('tick'))).toEqual(['before 2 (r)', 'end 1']);
    });

    it('takes every message of the topics it is told to for a param', async () => {
      const peer = await broker();
      const { relay: running, app } = relay();
      const options = { subscribe: ['tele/#'], params: ['tele/+/STATE'], namespace: '/home' };
      await bridge(running.client('broker'), { url: url(peer), ...options }).ready();
      await vi.waitFor(async () => {
        await mosquittoPub(peer.port, '-t', 'tele/plug/STATE', '-m', '{"POWER":"ON"}');
        expect(await app.get('/home/tele/plug/STATE')).toEqual({ POWER: 'ON' });
      }, 10_000);
    });
  },
);

describe('mqttBridge', () => {
  it('speaks 3.1.1 with a broker that knows nothing newer', async () => {
    const { Aedes } = await import('aedes');
    const { createServer } = await import('node:net');
    const aedes = await Aedes.createBroker();
    const server = createServer(aedes.handle);
    await new Promise<void>((bound) => server.listen(0, '127.0.0.1', bound));
    open.push(() => aedes.close());
    open.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { relay: running, app } = relay();
    const link = bridge(running.client('broker'), { url: `mqtt://127.0.0.1:${port}`, subscribe: ['#'] });
    await link.ready();
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 4 });
    open.push(() => client.endAsync(true));
    // 3.1.1 hands retained messages on without saying so, but what we retain there ourselves is known.
    await app.set('/mqtt/b', 2);
    await vi.waitFor(async () => {
      await client.publishAsync('b', '3', { retain: true, qos: 1 });
      expect(await app.get('/mqtt/b')).toBe(3);
    }, 10_000);
    expect(link.count('retrying')).toBe(0);
  });

  it('says why the broker closed the connection, where it says so; our own server is one that does', async () => {
    const { port, app: far } = await mqttRelay();
    const { relay: running, app } = relay();
    const options = { url: `mqtt://127.0.0.1:${port}`, clientId: 'same', subscribe: ['#'] };
    const link = bridge(running.client('one'), options);
    await link.ready();
    await app.set('/mqtt/here', 1);
    await far.set('/mqtt/there', { far: true });
    await vi.waitFor(async () => expect(await app.get('/mqtt/there')).toEqual({ far: true }), 10_000);
    await vi.waitFor(async () => expect(await far.get('/mqtt/here')).toBe(1), 10_000);
    const { client } = await probe(port, { clientId: 'same' });
    await vi.waitFor(() => expect(link.count('retrying')).toBeGreaterThan(0), 10_000);
    const told = link.events.find((event) => event.type === 'retrying');
    expect(told).toMatchObject({ reason: { code: 503, reason: expect.stringMatching(/taken over/i) } });
    await client.endAsync();
  });

  it('errors at once when an option can never work', async () => {
    const { relay: running } = relay();
    const ended = (options: MqttBridgeOptions) => bridge(running.client('one'), options).ended();
    expect(ended({ url: 'http://broker' })).toMatchObject({ code: 402, reason: expect.stringContaining('url') });
    expect(ended({ url: 'broker' })).toMatchObject({ code: 402 });
    expect(ended({ url: 'mqtt://b', subscribe: ['a/#/b'] })).toMatchObject({ code: 202 });
    expect(ended({ url: 'mqtt://b', publish: ['/other/**'] })).toMatchObject({ code: 202 });
    expect(ended({ url: 'mqtt://b', clean: false })).toMatchObject({
      code: 402,
      reason: expect.stringContaining('clientId'),
    });
  });

  it('completes when its client is closed', async () => {
    const { relay: running } = relay();
    const client = running.client('one');
    const link = bridge(client, { url: `mqtt://127.0.0.1:${await freePort()}` });
    client.close();
    await vi.waitFor(() => expect(link.ended()).toBe('complete'));
  });
});
