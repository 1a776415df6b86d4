import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concat, NEVER, of } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import type { SignalDefinition } from '../../core/wire/message.ts';
import { installed } from '../../peers/installed.ts';
import { mosquittoSub } from '../../peers/mosquitto.ts';
import { bridge, broker, closeAll, device, open, relay, url, waitFor } from '../../peers/mqtt-bridge-rig.ts';
import { mqttRelay } from '../../peers/mqtt-server-rig.ts';
import { wirePeer } from '../../testing/wire-peer.ts';

afterEach(closeAll);

/** A folder with key.pem and cert.pem for localhost, which Mosquitto's own user can read. */
function certificate(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mqtt-tls-'));
  open.push(() => rmSync(folder, { recursive: true }));
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${folder}/key.pem`];
  const words = ['req', '-x509', ...key, '-out', `${folder}/cert.pem`, '-days', '2', ...subject];
  execFileSync('openssl', words, { stdio: 'ignore' });
  execFileSync('chmod', ['-R', 'a+rX', folder]);
  return folder;
}

describe.skipIf(!installed('mosquitto') || !installed('mosquitto_sub'))(
  'mqttBridge, with a broker that wants more',
  () => {
    it('says who it is: user and password, and a will', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'mqtt-users-'));
      open.push(() => rmSync(folder, { recursive: true }));
      writeFileSync(`${folder}/users`, 'desk:secret\n', { mode: 0o644 });
      execFileSync('mosquitto_passwd', ['-U', `${folder}/users`]);
      execFileSync('chmod', ['-R', 'a+rX', folder]);
      const peer = await broker([`password_file ${folder}/users`, 'allow_anonymous false']);
      const { relay: running } = relay();
      const wrong = bridge(running.client('one'), { url: url(peer), username: 'desk', password: 'guess' });
      await waitFor(() => expect(wrong.ended()).toMatchObject({ code: 300 }));

      const login = { username: 'desk', password: 'secret' };
      const link = bridge(running.client('two'), { url: url(peer), ...login, status: 'clasp/desk' });
      await link.ready();
      const read = () =>
        mosquittoSub(peer.port, '-u', 'desk', '-P', 'secret', '-t', 'clasp/desk', '-C', '1', '-W', '5');
      await waitFor(async () => expect(await read()).toEqual(['online']));
      link.close();
      await waitFor(async () => expect(await read()).toEqual(['offline']));
    });

    it('speaks TLS, and trusts only whom it is told to', async () => {
      const folder = certificate();
      const files = [`cafile ${folder}/cert.pem`, `certfile ${folder}/cert.pem`, `keyfile ${folder}/key.pem`];
      const peer = await broker([...files, 'require_certificate true', 'allow_anonymous true']);
      const tls = { url: `mqtts://127.0.0.1:${peer.port}`, cert: `${folder}/cert.pem`, key: `${folder}/key.pem` };
      const { relay: running } = relay();
      const doubtful = bridge(running.client('one'), tls);
      await waitFor(() => expect(doubtful.events[0]).toMatchObject({ type: 'retrying' }));
      doubtful.close();
      await bridge(running.client('two'), { ...tls, ca: `${folder}/cert.pem` }).ready();
      const missing = bridge(running.client('three'), { ...tls, ca: `${folder}/none.pem` });
      await waitFor(() => expect(missing.ended()).toMatchObject({ code: 402, reason: expect.stringContaining('ca') }));
    });

    it('tells Home Assistant of announced params, and takes its commands', async () => {
      const peer = await broker();
      const [here, there] = memoryPair();
      const { relay: running, app } = relay(concat(of(there), NEVER));
      const signals: SignalDefinition[] = [
        { address: '/mqtt/hall/dimmer', type: 'param', datatype: 'f64', access: 'rw' },
        { address: '/mqtt/hall/on', type: 'param', datatype: 'bool', access: 'rw' },
        { address: '/mqtt/hall/temp', type: 'param', datatype: 'f32', access: 'r' },
      ];
      const desk = wirePeer(here);
      desk.hello('desk');
      desk.send({ type: 'ANNOUNCE', signals });
      const { received, client } = await device(peer.port, '#');
      const link = bridge(running.client('broker'), { url: url(peer), homeAssistant: true, name: 'venue' });
      await link.ready();
      await waitFor(() => expect(received.filter((line) => line.startsWith('homeassistant/')).length).toBe(3));
      const config = (component: string) => {
        const line = received.find((some) => some.startsWith(`homeassistant/${component}/venue/`)) ?? '{}';
        return JSON.parse(line.slice(line.indexOf('{'), line.lastIndexOf('}') + 1));
      };
      expect(config('number')).toMatchObject({
        state_topic: 'hall/dimmer',
        command_topic: 'hall/dimmer',
        mode: 'box',
        retain: true,
        availability_topic: 'clasp/venue/status',
      });
      expect(config('switch')).toMatchObject({ payload_on: 'true', payload_off: 'false' });
      expect(config('sensor')).toMatchObject({ state_topic: 'hall/temp' });
      expect(config('sensor').command_topic).toBeUndefined();
      client.publish('hall/dimmer', '0.75', { retain: true, qos: 1 });
      await waitFor(async () => expect(await app.get('/mqtt/hall/dimmer')).toBe(0.75));
    });
  },
);

describe('an MQTT server with TLS', () => {
  it('is reached by a bridge that trusts it, or asks for no trust', async () => {
    const folder = certificate();
    const { port, app } = await mqttRelay({ tls: { cert: `${folder}/cert.pem`, key: `${folder}/key.pem` } });
    await app.set('/mqtt/a', 1);
    const { relay: running, app: near } = relay();
    const options = { url: `mqtts://127.0.0.1:${port}`, subscribe: ['#'] };
    const doubtful = bridge(running.client('one'), options);
    await waitFor(() => expect(doubtful.events[0]).toMatchObject({ type: 'retrying' }));
    doubtful.close();
    await bridge(running.client('two'), { ...options, ca: readFileSync(`${folder}/cert.pem`, 'utf8') }).ready();
    await waitFor(async () => expect(await near.get('/mqtt/a')).toBe(1));
    await bridge(running.client('three'), { ...options, rejectUnauthorized: false }).ready();
    await expect(mqttRelay({ tls: { cert: `${folder}/none.pem`, key: `${folder}/key.pem` } })).rejects.toMatchObject({
      code: 402,
      reason: expect.stringContaining('tls.cert'),
    });
  });
});
