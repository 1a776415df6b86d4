import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ClaspError } from '../../core/errors.ts';
import { httpServers, urlsOf } from './http-servers.ts';

const answering = (host: string, failures: ClaspError[] = []) =>
  httpServers({
    host,
    request: (_, response) => void response.end('here'),
    failed: (failure) => failures.push(failure),
  });

describe('httpServers', () => {
  it('bind every address of localhost to one port, or the one address that is given', async () => {
    for (const [host, count] of [
      ['localhost', 2],
      ['127.0.0.1', 1],
    ] as const) {
      const http = answering(host);
      expect(http.servers).toHaveLength(count);
      const port = await http.listen(0);
      expect(await (await fetch(`http://${host}:${port}`)).text()).toBe('here');
      http.destroy();
      await http.close();
    }
  });

  it('say in one line why they cannot listen', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    await expect(answering('localhost').listen(port)).rejects.toMatchObject({
      code: 500,
      reason: `port ${port} on 127.0.0.1 is in use`,
    });
    await new Promise((resolve) => taken.close(resolve));
    await expect(answering('192.0.2.1').listen(0)).rejects.toMatchObject({
      reason: 'this machine has no address 192.0.2.1',
    });
  });

  it('go on when accepting fails', async () => {
    const failures: ClaspError[] = [];
    const http = answering('127.0.0.1', failures);
    const port = await http.listen(0);
    http.servers[0]?.emit('error', new Error('accept EMFILE'));
    expect(failures.map(({ code, reason }) => [code, reason])).toEqual([[503, 'accept EMFILE']]);
    expect((await fetch(`http://127.0.0.1:${port}`)).status).toBe(200);
    http.destroy();
    await http.close();
  });

  it('cut off what is open when they are told so', async () => {
    const http = answering('127.0.0.1');
    const port = await http.listen(0);
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((accepted) => http.servers[0]?.once('connection', () => accepted()));
    const closed = http.close();
    http.destroy();
    await closed;
    socket.destroy();
  });
});

describe('urlsOf', () => {
  it('are the URL of the address, or all that reach a wildcard', () => {
    expect(urlsOf('localhost', 7330)).toEqual(['ws://localhost:7330']);
    expect(urlsOf('::1', 7330)).toEqual(['ws://[::1]:7330']);
    expect(urlsOf('192.168.1.20', 1)).toEqual(['ws://192.168.1.20:1']);
    for (const host of ['0.0.0.0', '::']) {
      const [first, ...outside] = urlsOf(host, 7330);
      expect(first).toBe('ws://localhost:7330');
      for (const url of outside) expect(url).toMatch(/^ws:\/\/(?!127\.)\d+\.\d+\.\d+\.\d+:7330$/);
    }
  });
});
