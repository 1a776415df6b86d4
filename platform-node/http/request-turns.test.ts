import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { readingTurns } from '../event-loop.ts';
import { createRelay } from '../relay.ts';
import { requestTurns } from './http-requests.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(request: RequestListener): Promise<number> {
  const server = createServer(requestTurns(request, readingTurns()));
  await new Promise<void>((bound) => server.listen(0, '127.0.0.1', bound));
  ends.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

function dial(port: number): { socket: Socket; text: () => string } {
  let text = '';
  const socket = connect(port, '127.0.0.1').on('data', (bytes) => {
    text += bytes;
  });
  socket.on('error', () => undefined);
  ends.push(() => socket.destroy());
  return { socket, text: () => text };
}

const settled = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 5 });
const put = (path: string, body: string) =>
  `PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

describe('requestTurns', () => {
  it('begins the requests of a connection one after the other, and answers all of them in order', async () => {
    const active = { now: 0, most: 0 };
    const port = await serve((incoming, outgoing) => {
      active.now++;
      active.most = Math.max(active.most, active.now);
      incoming.resume().on('end', () =>
        setImmediate(() => {
          active.now--;
          outgoing.end(`[${incoming.url}]`);
        }),
      );
    });
    const { socket, text } = dial(port);
    socket.write(Array.from({ length: 3_000 }, (_, i) => put(`/${i}`, 'x'.repeat(i % 50))).join(''));
    await settled(() => expect(text()).toContain('[/2999]'));
    const answered = [...text().matchAll(/\[\/(\d+)\]/g)].map(([, number]) => Number(number));
    expect(answered).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
    expect(active.most).toBe(1);
  });

  it('takes a few requests apart before it has answered them, not all that come', async () => {
    const begun: string[] = [];
    let parsed = 0;
    let go = (): void => undefined;
    const server = createServer((incoming, outgoing) => {
      parsed++;
      listener(incoming, outgoing);
    });
    const listener = requestTurns((incoming, outgoing) => {
      begun.push(incoming.url ?? '');
      if (begun.length === 1) go = () => outgoing.end();
      else outgoing.end();
    }, readingTurns());
    await new Promise<void>((bound) => server.listen(0, '127.0.0.1', bound));
    ends.push(() => server.close());
    const { socket, text } = dial((server.address() as AddressInfo).port);
    socket.write(Array.from({ length: 10_000 }, (_, i) => put(`/${i}`, '')).join(''));
    const other = dial((server.address() as AddressInfo).port);
    await settled(() => expect(begun).toHaveLength(1));
    other.socket.write(put('/other', ''));
    await settled(() => expect(other.text()).toContain('200 OK'));
    // 64 KiB of fifty bytes each, and once more.
    expect(parsed).toBeLessThan(4_000);
    expect(begun).toEqual(['/0', '/other']);
    go();
    await settled(() => expect(text().match(/200 OK/g)).toHaveLength(10_000));
  });

  it('forgets what waits behind an answer when the connection is gone, and serves others', async () => {
    const begun: string[] = [];
    const port = await serve((incoming, outgoing) => {
      begun.push(incoming.url ?? '');
      if (incoming.url !== '/0') outgoing.end();
    });
    const { socket } = dial(port);
    socket.write(put('/0', '') + put('/1', ''));
    await settled(() => expect(begun).toEqual(['/0']));
    socket.resetAndDestroy();
    const other = dial(port);
    other.socket.write(put('/other', ''));
    await settled(() => expect(other.text()).toContain('200 OK'));
    expect(begun).toEqual(['/0', '/other']);
  });
});

describe('a relay that one peer floods', () => {
  const open = async () => {
    const relay = createRelay({ port: 0 });
    ends.push(() => relay.close());
    const { port } = await relay.ready;
    const heard: number[] = [];
    const hearing = relay
      .client('probe')
      .on('/load/**')
      .subscribe((signal) => 'value' in signal && heard.push(Number(signal.value)));
    ends.push(() => hearing.unsubscribe());
    return { relay, port, heard };
  };
  const json = async (port: number) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/json`);
    ends.push(() => socket.terminate());
    await new Promise((opened) => socket.once('open', opened));
    const answers: string[] = [];
    socket.on('message', (text) => answers.push(String(text)));
    return { socket, answers };
  };
  const count = 5_000;
  const all = Array.from({ length: count }, (_, i) => i);

  it('with JSON takes all of it in order, though the peer closes at once, and meanwhile answers another', async () => {
    const { port, heard } = await open();
    const [flooding, other] = [await json(port), await json(port)];
    for (const i of all) flooding.socket.send(JSON.stringify({ type: 'set', address: `/load/${i}`, value: i }));
    flooding.socket.close();
    await settled(() => expect(heard.length).toBeGreaterThan(0));
    other.socket.send(JSON.stringify({ type: 'get', address: '/load/0', id: 1 }));
    await settled(() => expect(other.answers).toHaveLength(1));
    await settled(() => expect(heard).toHaveLength(count));
    expect(heard).toEqual(all);
  });

  it('with requests answers all of them, and meanwhile another', async () => {
    const { relay, port, heard } = await open();
    const [flooding, other] = [dial(port), dial(port)];
    await settled(() => expect(other.socket.readyState).toBe('open'));
    /** How many of the flood were done when the other was answered. */
    let meanwhile: number | undefined;
    other.socket.once('data', () => {
      meanwhile = heard.length;
    });
    const asking = relay
      .client('asking')
      .on('/load/0')
      .subscribe(() => {
        other.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
      });
    ends.push(() => asking.unsubscribe());
    flooding.socket.write(all.map((i) => put(`/v1/state/load/${i}`, `{"value":${i}}`)).join(''));
    await settled(() => expect(other.text()).toContain('200 OK'));
    await settled(() => expect(flooding.text().match(/200 OK/g)).toHaveLength(count));
    expect(meanwhile).toBeGreaterThan(0);
    expect(meanwhile).toBeLessThan(count);
    expect(heard).toEqual(all);
  });
});
