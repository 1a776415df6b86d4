import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { endAll, listen, put } from '../../peers/http-rig.ts';
import { localRelay, runCommand } from '../../peers/run-command.ts';
import { bridgeCommand } from './bridge.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  endAll();
  for (const step of undo.splice(0).reverse()) await step();
});

/** Runs `bridge TYPE` for a relay that knows one token; gives where it is open. */
async function open(type: string, token: string): Promise<string> {
  const relay = localRelay({
    authenticate: (given) => {
      if (given !== 'good') throw new ClaspError(ErrorCode.NotAuthenticated, 'who are you?');
      return { scopes: ['read:/**', 'write:/a/**'] };
    },
  });
  undo.push(() => relay.stop());
  // The relay is elsewhere: its address is none to bind to.
  const words = [type, '--port', '0', '--url', 'ws://192.0.2.1:7330', '--token', token];
  return new Promise((resolve, reject) => {
    const ended = runCommand(
      bridgeCommand(() => relay.connect),
      words,
      (line, stop) => {
        undo.push(
          () => ended,
          () => stop(),
        );
        const address = / is open at (\S+)$/.exec(line)?.[1];
        if (address) resolve(address);
      },
    );
    ended.then(({ code, err }) => reject(new Error(`${code} ${err.join(' ')}`)), reject);
  });
}

it('bridge http serves a relay elsewhere on this machine, with the rights of its token for every caller', async () => {
  const base = await open('http', 'good');
  expect(base).toMatch(/^http:\/\/localhost:\d+$/);
  expect((await put(`${base}/v1/state/a/1`, { value: 1 }, { authorization: 'Bearer nonsense' })).status).toBe(200);
  const refused = await put(`${base}/v1/state/b`, { value: 1 });
  expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 301, address: '/b' } }]);
  const page = listen(`${base}/v1/events?pattern=/a/*&token=nonsense`);
  await page.until(2);
  await fetch(`${base}/v1/emit/a/go`, { method: 'POST', body: '{"value":2}' });
  await page.until(3);
  expect(page.events.map(({ event }) => event)).toEqual(['param', 'synced', 'event']);
});

it('bridge websocket-json lets its peers hear each other through a relay elsewhere', async () => {
  const address = await open('websocket-json', 'good');
  const peers = [new WebSocket(address), new WebSocket(`${address}/?token=nonsense`)] as const;
  const told = peers.map((peer) => {
    const messages: { type: string; code?: number }[] = [];
    undo.push(() => peer.terminate());
    peer.on('message', (data) => messages.push(JSON.parse(String(data))));
    return messages;
  });
  await Promise.all(
    peers.map((peer) => new Promise((resolve, reject) => peer.on('open', resolve).on('error', reject))),
  );
  peers[0].send('{"type":"subscribe","pattern":"/a/*"}');
  await expect.poll(() => told[0]).toMatchObject([{ type: 'synced' }]);
  peers[1].send('{"type":"emit","address":"/a/go","value":1}');
  peers[1].send('{"type":"set","address":"/b","value":1}');
  await expect.poll(() => told[0]?.[1]).toMatchObject({ type: 'event', address: '/a/go', value: 1 });
  await expect.poll(() => told[1]).toMatchObject([{ type: 'error', code: 301, request_type: 'set' }]);
});

it('says when the relay is lost and when it is back, readable and as JSON', async () => {
  const away = async (...words: string[]) => {
    const relay = localRelay();
    undo.push(() => relay.stop());
    const given = ['websocket-json', '--port', '0', '--url', 'ws://192.0.2.1:7330', ...words];
    const { code, out, err } = await runCommand(
      bridgeCommand(() => relay.connect),
      given,
      (line, stop) => {
        if (line.includes('nobody listens')) relay.restart();
        else if (/connected to|relay-back/.test(line)) stop();
        else relay.stop();
      },
    );
    return { code, out: out.slice(1), err };
  };
  expect(await away()).toEqual({
    code: 0,
    out: [],
    err: [
      'warn  websocket-json: the connection to ws://192.0.2.1:7330 was lost; trying again',
      'warn  websocket-json: the connection to ws://192.0.2.1:7330 was lost (nobody listens); trying again',
      'info  websocket-json: connected to ws://192.0.2.1:7330 again',
    ],
  });
  const { code, out, err } = await away('--json');
  const about = { bridge: 'websocket-json', url: 'ws://192.0.2.1:7330' };
  expect({ code, err, out: out.map((line) => JSON.parse(line)) }).toEqual({
    code: 0,
    err: [],
    out: [
      { type: 'relay-lost', ...about },
      { type: 'relay-lost', ...about, code: 502, reason: 'nobody listens' },
      { type: 'relay-back', ...about },
    ],
  });
});

it('a token that the relay refuses ends it', async () => {
  await expect(open('http', 'bad')).rejects.toThrow(/1 .*who are you\?/);
});
