import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createClient } from '../../operators/client/client.ts';
import { installed } from '../../peers/installed.ts';
import { mosquittoPub, mosquittoSub } from '../../peers/mosquitto.ts';
import { closeAll, open, waitFor } from '../../peers/mqtt-bridge-rig.ts';
import { probe } from '../../peers/mqtt-server-rig.ts';
import { createRelay } from '../relay.ts';
import { webSocketDial } from '../web-socket/web-socket-dial.ts';

afterEach(closeAll);

const MEBIBYTE = 1024 * 1024;
/** A list of devices as Zigbee2MQTT retains it, of nearly a mebibyte. */
const DEVICES = JSON.stringify(
  Array.from({ length: 3_300 }, (_, n) => ({
    ieee_address: `0x00158d00${n.toString(16).padStart(8, '0')}`,
    friendly_name: `device ${n}`,
    definition: {
      model: 'WSDCGQ11LM',
      exposes: Array.from({ length: 8 }, (_, i) => ({ property: `p${i}`, access: i })),
    },
  })),
).slice(0, MEBIBYTE);
const LIST = JSON.stringify(JSON.parse(`${DEVICES.slice(0, DEVICES.lastIndexOf(',{"ieee'))}]`));

async function start() {
  const relay = createRelay({ port: 0, bridges: [{ type: 'mqtt-server', port: 0 }] });
  open.push(() => relay.close());
  const { port, bridges } = await relay.ready;
  return { port, mqttPort: Number(bridges[0]?.address.split(':').at(-1)), url: `http://127.0.0.1:${port}/v1` };
}

async function json(port: number) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/json`);
  open.push(() => socket.terminate());
  const received: Record<string, unknown>[] = [];
  socket.on('message', (data) => received.push(JSON.parse(String(data))));
  await new Promise((resolve) => socket.on('open', resolve));
  return { received, say: (message: object) => socket.send(JSON.stringify(message)) };
}

describe.skipIf(!installed('mosquitto_pub') || !installed('mosquitto_sub'))('values of up to 1 MiB', () => {
  it.each(['mqttv31', 'mqttv311', 'mqttv5'])(
    'of mosquitto_pub are kept, for everybody but CLASP, which is told (%s)',
    async (version) => {
      expect(LIST.length).toBeGreaterThan(900_000);
      const { port, mqttPort, url } = await start();
      const desk = createClient(webSocketDial(`ws://127.0.0.1:${port}`));
      open.push(() => desk.close());
      const errors: unknown[] = [];
      desk.errors.subscribe(({ code, address, reason }) => errors.push([code, address, reason]));
      desk.on('/mqtt/**').subscribe();
      await desk.set('/mqtt/other', 1);
      const reader = await json(port);
      reader.say({ type: 'subscribe', pattern: '/mqtt/bridge/**' });
      await waitFor(() => expect(reader.received.at(-1)).toMatchObject({ type: 'synced' }));

      const folder = mkdtempSync(join(tmpdir(), 'large-'));
      open.push(() => rmSync(folder, { recursive: true }));
      writeFileSync(join(folder, 'list'), LIST);
      const words = ['-V', version, '-r', '-q', '1', '-t', 'bridge/devices', '-f', join(folder, 'list')];
      await mosquittoPub(mqttPort, '-i', 'z2m', ...words);

      const back = ['-V', version, '-i', 'reader', '-t', 'bridge/#', '-C', '1', '-W', '20'];
      expect((await mosquittoSub(mqttPort, ...back)).join('\n')).toBe(LIST);
      const state = (await (await fetch(`${url}/state/mqtt/bridge/devices`)).json()) as { value: unknown };
      expect(state.value).toEqual(JSON.parse(LIST));
      await waitFor(() =>
        expect(reader.received.at(-1)).toMatchObject({ type: 'value', address: '/mqtt/bridge/devices' }),
      );
      expect(reader.received.at(-1)?.['value']).toEqual(JSON.parse(LIST));

      const told = [501, '/mqtt/bridge/devices', expect.stringMatching(/takes \d+ bytes/)];
      await waitFor(() => expect(errors).toEqual([told]));
      await expect(desk.get('/mqtt/bridge/devices')).rejects.toMatchObject({ code: 501 });
      await desk.set('/mqtt/bridge/devices', 'none');
      expect(await desk.get('/mqtt/bridge/devices')).toBe('none');
    },
  );
});

describe('values of up to 1 MiB', () => {
  it('go from HTTP and JSON to MQTT, and as events; a longer packet ends its connection unconfirmed', async () => {
    const { port, mqttPort, url } = await start();
    const { client, received } = await probe(mqttPort, { protocolVersion: 4 });
    await client.subscribeAsync('#', { qos: 1 });
    const text = 'x'.repeat(MEBIBYTE);
    const put = await fetch(`${url}/state/mqtt/http`, { method: 'PUT', body: JSON.stringify({ value: text }) });
    expect(put.status).toBe(200);
    await waitFor(() => expect(received).toEqual([`http ${text}`]));
    const writer = await json(port);
    writer.say({ type: 'set', address: '/mqtt/json', value: text, id: 1 });
    writer.say({ type: 'emit', address: '/mqtt/event', value: text, id: 2 });
    await waitFor(() =>
      expect(writer.received.map(({ type, id }) => [type, id])).toEqual([
        ['ok', 1],
        ['ok', 2],
      ]),
    );
    await waitFor(() => expect(received.slice(1)).toEqual([`json ${text}`, `event ${text}`]));

    const publisher = await probe(mqttPort, { protocolVersion: 4 });
    await publisher.client.publishAsync('list', `[${'1,'.repeat(MEBIBYTE / 2 - 2)}1]`, { qos: 1, retain: true });
    expect(((await (await fetch(`${url}/state/mqtt/list`)).json()) as { value: unknown[] }).value).toHaveLength(
      MEBIBYTE / 2 - 1,
    );
    const long = publisher.client.publishAsync('list', 'x'.repeat(2 * MEBIBYTE), { qos: 1 });
    long.catch(() => undefined);
    await waitFor(() => expect(publisher.client.connected).toBe(false));
  });
});
