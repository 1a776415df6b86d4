import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { promisify } from 'node:util';
import { NEVER, Subscription } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import type { OscMessage } from '../../core/protocols/osc/osc.ts';
import { decodeOsc } from '../../core/protocols/osc/osc-decode.ts';
import { encodeOsc } from '../../core/protocols/osc/osc-encode.ts';
import { router } from '../../operators/router/router.ts';
import { installed } from '../../peers/installed.ts';
import { type OscBridgeOptions, oscBridge } from './osc-bridge.ts';
import { oscQuery } from './osc-query.ts';

const open: Subscription[] = [];
afterEach(() => {
  for (const each of open.splice(0).reverse()) each.unsubscribe();
});

/** A bridge with OSCQuery, and what it answers. */
async function served(options: OscBridgeOptions = {}) {
  const relay = router();
  open.push(relay(NEVER).subscribe());
  const events: BridgeEvent[] = [];
  let ended: unknown;
  const bridge = oscBridge(relay.client('Venue'), {
    listen: '127.0.0.1:0',
    name: 'Venue',
    query: { port: 0 },
    ...options,
  });
  open.push(
    bridge.subscribe({
      next: (event) => events.push(event),
      error: (reason) => {
        ended = reason;
      },
    }),
  );
  const addresses = () => events.flatMap((event) => (event.type === 'ready' ? [event.address] : []));
  await vi.waitFor(() => expect(addresses().length === 2 || ended !== undefined).toBe(true));
  const url = addresses().find((address) => address.startsWith('http')) ?? '';
  const udpPort = Number(
    addresses()
      .find((address) => !address.startsWith('http'))
      ?.split(':')[1],
  );
  const app: Client = relay.client('app');
  const get = async (path: string) => {
    const response = await fetch(url + path);
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };
  return { app, get, url, udpPort, events, ended: () => ended };
}

describe('oscQuery', () => {
  it('tells where OSC is received, and what it can tell', async () => {
    const { get, udpPort } = await served();
    const { status, body } = await get('/?HOST_INFO');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      NAME: 'Venue',
      OSC_PORT: udpPort,
      OSC_TRANSPORT: 'UDP',
      EXTENSIONS: { ACCESS: true, VALUE: true, RANGE: true, LISTEN: true, IGNORE: true, PATH_CHANGED: true },
      WS_PORT: expect.any(Number),
    });
  });

  it('shows the tree of the params there are, with types and values', async () => {
    const { app, get } = await served();
    await app.set('/osc/mixer/1', 0.75);
    await app.set('/osc/mixer/1/mute', false);
    await app.set('/osc/rgb', [1, 2, 3]);
    await app.set('/osc/name', 'desk');
    await app.set('/osc/map', { not: 'in OSC' });
    await app.set('/elsewhere', 1);
    await vi.waitFor(async () => {
      expect((await get('/')).body).toEqual({
        FULL_PATH: '/',
        ACCESS: 0,
        CONTENTS: {
          mixer: {
            FULL_PATH: '/mixer',
            ACCESS: 0,
            CONTENTS: {
              1: {
                FULL_PATH: '/mixer/1',
                TYPE: 'f',
                ACCESS: 3,
                VALUE: [0.75],
                CONTENTS: { mute: { FULL_PATH: '/mixer/1/mute', TYPE: 'F', ACCESS: 3, VALUE: [false] } },
              },
            },
          },
          rgb: { FULL_PATH: '/rgb', TYPE: 'fff', ACCESS: 3, VALUE: [1, 2, 3] },
          name: { FULL_PATH: '/name', TYPE: 's', ACCESS: 3, VALUE: ['desk'] },
        },
      });
    });
    expect((await get('/mixer/1/mute')).body).toMatchObject({ FULL_PATH: '/mixer/1/mute' });
    expect(await get('/name?VALUE')).toEqual({ status: 200, body: { VALUE: ['desk'] } });
    await app.set('/osc/name', 'stage');
    await vi.waitFor(async () => expect((await get('/name?VALUE')).body).toEqual({ VALUE: ['stage'] }));
  });

  it('shows what is announced, also before there is a value, and what it was told about single addresses', async () => {
    const signals = [{ address: '/osc/dimmer', range: [0, 255] as const, unit: 'dmx', description: 'front light' }];
    const { app, get } = await served({ query: { port: 0, signals } });
    await app.announce([
      { address: '/osc/dimmer', type: 'param', datatype: 'float', access: 'read' },
      { address: '/osc/go', type: 'event' },
    ]);
    await vi.waitFor(async () => {
      expect((await get('/dimmer')).body).toEqual({
        FULL_PATH: '/dimmer',
        TYPE: 'f',
        ACCESS: 1,
        DESCRIPTION: 'front light',
        RANGE: [{ MIN: 0, MAX: 255 }],
        UNIT: ['dmx'],
      });
    });
    expect((await get('/go')).body).toEqual({ FULL_PATH: '/go', TYPE: 'N', ACCESS: 2 });
    expect(await get('/go?VALUE')).toEqual({ status: 204, body: undefined });
    expect(await get('/dimmer?RANGE')).toEqual({ status: 200, body: { RANGE: [{ MIN: 0, MAX: 255 }] } });
  });

  it('tells the type that was announced or last received, and no value of what is only written', async () => {
    const { app, get, udpPort } = await served();
    await app.announce([
      { address: '/osc/count', type: 'param', datatype: 'int32' },
      { address: '/osc/secret', type: 'param', datatype: 'string', access: 'write' },
    ]);
    await app.set('/osc/count', 5);
    await app.set('/osc/secret', 'word');
    const socket = createSocket('udp4');
    open.push(new Subscription(() => socket.close()));
    socket.send(encodeOsc({ address: '/steps', args: [{ type: 'i', value: 7 }] }), udpPort, '127.0.0.1');
    await vi.waitFor(async () => {
      const { CONTENTS } = (await get('/')).body;
      expect(CONTENTS).toEqual({
        count: { FULL_PATH: '/count', TYPE: 'i', ACCESS: 3, VALUE: [5] },
        secret: { FULL_PATH: '/secret', TYPE: 's', ACCESS: 2 },
        steps: { FULL_PATH: '/steps', TYPE: 'i', ACCESS: 3, VALUE: [7] },
      });
    });
    expect((await get('/secret?VALUE')).status).toBe(204);
  });

  it('answers what it does not have, or does not understand, as the proposal says', async () => {
    const { get, url } = await served();
    expect((await get('/nothing')).status).toBe(404);
    expect((await get('/__proto__')).status).toBe(404);
    expect((await get('/?COLOUR')).status).toBe(400);
    expect((await get('/%FF')).status).toBe(400);
    expect((await fetch(url, { method: 'POST' })).status).toBe(405);
  });

  /** A WebSocket of OSCQuery: what it is told, commands as JSON and packets as `address ,tags values`. */
  const listener = async (url: string) => {
    const socket = new WebSocket(url.replace('http', 'ws'));
    const told: unknown[] = [];
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) return void told.push(JSON.parse(data.toString()));
      const { address, args } = decodeOsc(new Uint8Array(data)) as OscMessage;
      told.push([address, ...args.map(({ type, value }) => `${type} ${value}`)].join(' '));
    });
    await new Promise((resolve) => socket.once('open', resolve));
    open.push(new Subscription(() => socket.terminate()));
    const say = (COMMAND: string, DATA: unknown) => socket.send(JSON.stringify({ COMMAND, DATA }));
    return { socket, told, say, packets: () => told.filter((one) => typeof one === 'string') };
  };

  it('tells over WebSocket what changes at addresses that are listened to, until they are ignored', async () => {
    const { app, url } = await served();
    await app.set('/osc/level', 1);
    const { say, packets } = await listener(url);
    const other = await listener(url);
    say('LISTEN', '/level');
    say('LISTEN', '/go');
    await vi.waitFor(() => expect(packets()).toEqual(['/level f 1']));
    await app.set('/osc/level', 0.5);
    await app.set('/osc/unheard', 2);
    await app.emit('/osc/go', 'now');
    await vi.waitFor(() => expect(packets().slice(1)).toEqual(['/level f 0.5', '/go s now']));
    say('IGNORE', '/level');
    say('LISTEN', '/unheard');
    await vi.waitFor(() => expect(packets().slice(3)).toEqual(['/unheard f 2']));
    await app.set('/osc/level', 1);
    await app.set('/osc/unheard', 3);
    await vi.waitFor(() => expect(packets().slice(4)).toEqual(['/unheard f 3']));
    expect(other.packets()).toEqual([]);
  });

  it('tells over WebSocket what comes, goes and changes its type', async () => {
    const { app, url } = await served();
    await app.set('/osc/mixer/1', 1);
    const { told } = await listener(url);
    const until = (COMMAND: string, DATA: string) =>
      vi.waitFor(() => expect(told.at(-1)).toEqual({ COMMAND, DATA }), 5_000);
    await app.set('/osc/mixer/2', 0.5);
    await until('PATH_CHANGED', '/mixer');
    await app.set('/osc/mixer/2', 0.75);
    await app.set('/osc/mixer/2', 'text');
    await until('PATH_CHANGED', '/mixer/2');
    await app.set('/osc/mixer/1', null);
    await until('PATH_CHANGED', '/mixer');
    expect(told).toEqual([
      { COMMAND: 'PATH_ADDED', DATA: '/mixer/2' },
      { COMMAND: 'PATH_CHANGED', DATA: '/mixer' },
      { COMMAND: 'PATH_CHANGED', DATA: '/mixer/2' },
      { COMMAND: 'PATH_REMOVED', DATA: '/mixer/1' },
      { COMMAND: 'PATH_CHANGED', DATA: '/mixer' },
    ]);
  });

  it('has one word for very many changes', async () => {
    const { app, url } = await served();
    const { told } = await listener(url);
    await app.bundle(Array.from({ length: 300 }, (_, n) => ({ set: [`/osc/many/${n}`, n] as const })));
    await vi.waitFor(() => expect(told).toEqual([{ COMMAND: 'PATH_CHANGED', DATA: '/' }]));
  });

  it('goes on after commands that are none, and tells of them', async () => {
    const { app, url, events } = await served();
    const { socket, say, packets } = await listener(url);
    for (const text of ['nonsense', 'null', '{"COMMAND":"LISTEN"}', '{"COMMAND":"SING","DATA":"/a"}'])
      socket.send(text);
    socket.send(Buffer.from([1, 2, 3]));
    say('LISTEN', '/a*');
    say('LISTEN', '/a');
    await app.set('/osc/a', 1);
    await vi.waitFor(() => expect(packets()).toEqual(['/a f 1']));
    await vi.waitFor(() => {
      const failures = events.flatMap((event) => (event.type === 'failure' ? [event.failure] : []));
      expect(failures.map(({ code }) => code)).toEqual([101, 101]);
      expect(failures.reduce((sum, { value }) => sum + Number(value), 0)).toBe(6);
    }, 5_000);
  });

  it('is advertised by mDNS where asked to, and OSC with it', async () => {
    const relay = router();
    open.push(relay(NEVER).subscribe());
    const published: object[] = [];
    class Bonjour {
      publish = (service: object) => published.push(service);
      unpublishAll = (done: () => void) => done();
      destroy = () => undefined;
    }
    const events: BridgeEvent[] = [];
    const context = {
      namespace: '/osc',
      name: 'Venue',
      receives: () => ({ port: 8000, transport: 'UDP' }) as const,
      loadBonjour: async () => ({ Bonjour }),
    };
    open.push(
      oscQuery(relay.client('osc'), { port: 0, advertise: true }, context).subscribe((event) => events.push(event)),
    );
    await vi.waitFor(() => expect(published).toHaveLength(2));
    const port = events[0]?.type === 'ready' ? Number(events[0].address.split(':').at(-1)) : 0;
    expect(published).toEqual([
      { name: 'Venue', type: 'oscjson', protocol: 'tcp', port },
      { name: 'Venue', type: 'osc', protocol: 'udp', port: 8000 },
    ]);
  });

  it('errors when its port is in use', async () => {
    const { url } = await served();
    const { ended } = await served({ query: { port: Number(url.split(':').at(-1)), host: '127.0.0.1' } });
    expect(ended()).toMatchObject({ code: 500, reason: expect.stringContaining('in use') });
  });

  it.skipIf(!installed('curl'))('is read with curl', async () => {
    const { app, url } = await served();
    await app.set('/osc/level', 1);
    await vi.waitFor(async () => {
      const { stdout } = await promisify(execFile)('curl', ['-s', `${url}/level?VALUE`]);
      expect(JSON.parse(stdout)).toEqual({ VALUE: [1] });
    });
  });
});
