import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { firstValueFrom, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../core/connection/connection.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { decodeMessage, encodeMessage } from '../../core/wire/index.ts';
import type { Message } from '../../core/wire/message.ts';
import { localRelay, runCommand } from '../../peers/run-command.ts';
import { type InfoSources, infoCommand } from './info.ts';
import { figures } from './summary.ts';

const welcome: Message = {
  type: 'WELCOME',
  version: 1,
  session: 'a1b2',
  name: 'Venue\u001b[2J',
  features: ['param', 'event'],
  time: 0,
};

/** A relay that answers each message with what `answer` says; its clock is 5 ms ahead, a message takes 1 ms. */
const scripted = (answer: (message: Message) => readonly Message[]): InfoSources => {
  let now = 1_000_000;
  const dial = () =>
    new Observable<Connection>((out) => {
      const [here, there] = memoryPair();
      there.incoming.subscribe((bytes) => {
        now += 1_000;
        for (const message of answer(decodeMessage(bytes).message)) {
          now += 1_000;
          there.outgoing.next(encodeMessage(message));
        }
      });
      out.next(here);
    });
  return { dial, figures: () => of({}), now: () => now };
};

const polite = (message: Message): readonly Message[] => {
  if (message.type === 'HELLO') return [welcome, { type: 'SNAPSHOT', params: [] }];
  if (message.type === 'SYNC') return [{ ...message, t2: message.t1 + 6_000, t3: message.t1 + 6_000 }];
  return [];
};

describe('info', () => {
  it('prints who the relay is and how far away', async () => {
    const sources = {
      ...scripted(polite),
      figures: () => of({ sessions: 3, params: 12, uptime: 61, failures: { osc: 243, rig: 2 } }),
    };
    expect(await runCommand(infoCommand(sources), [])).toEqual({
      code: 0,
      err: [],
      out: [
        'relay       Venue\\u001b[2J',
        'url         ws://localhost:7330',
        'session     a1b2',
        'protocol    1',
        'features    param event',
        'round trip  2.00 ms',
        'clock       5.00 ms ahead of this machine',
        'sessions    2',
        'params      12',
        'failures    osc 243, rig 2',
        'up for      1 min 1 s',
      ],
    });
  });

  it('prints JSON, without what the relay does not tell', async () => {
    const { out } = await runCommand(infoCommand(scripted(polite)), ['--json', '--url', 'ws://there']);
    expect(JSON.parse(out[0] ?? '')).toEqual({
      relay: 'Venue\u001b[2J',
      url: 'ws://there',
      session: 'a1b2',
      protocol: 1,
      features: ['param', 'event'],
      roundTripMs: 2,
      clockOffsetMs: 5,
    });
  });

  it('talks to a real relay', async () => {
    const relay = localRelay({ name: 'Here' });
    const sources = { dial: () => relay.dial, figures: () => of({}), now: () => Date.now() * 1000 };
    const { code, out } = await runCommand(infoCommand(sources), ['--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out[0] ?? '')).toMatchObject({ relay: 'Here', protocol: 1, roundTripMs: expect.any(Number) });
    relay.stop();
  });

  it('greets with the token and a name, and says why it was refused', async () => {
    const heard: Message[] = [];
    const refusing = scripted((message) => {
      heard.push(message);
      return [{ type: 'ERROR', code: ErrorCode.NotAuthenticated, message: 'unknown token' }];
    });
    expect(await runCommand(infoCommand(refusing), ['--token', 'secret'])).toEqual({
      code: 1,
      out: [],
      err: ['clasp-rx: ws://localhost:7330 refused the session: unknown token; try another token'],
    });
    expect(heard[0]).toMatchObject({ type: 'HELLO', token: 'secret', name: 'clasp-rx info' });
  });

  it('fails when there is no relay, or something that is none', async () => {
    const nowhere = { ...scripted(polite), dial: () => throwError(() => new ClaspError(ErrorCode.Timeout, 'cut')) };
    expect((await runCommand(infoCommand(nowhere), [])).err).toEqual([
      'clasp-rx: no session at ws://localhost:7330: cut',
    ]);
    const closing: InfoSources = { ...scripted(polite), dial: () => of() };
    expect((await runCommand(infoCommand(closing), [])).err).toEqual([
      'clasp-rx: no session at ws://localhost:7330: the connection was closed',
    ]);
    const garbage = new Observable<Connection>((out) => {
      const [here, there] = memoryPair();
      there.incoming.subscribe(() => there.outgoing.next(new Uint8Array([1, 2, 3])));
      out.next(here);
    });
    const { code, err } = await runCommand(infoCommand({ ...scripted(polite), dial: () => garbage }), []);
    expect({ code, lines: err.length }).toEqual({ code: 1, lines: 1 });
    expect(err[0]).toMatch(/^clasp-rx: no session at ws:\/\/localhost:7330: /);
  });

  it('gives up on a relay that says nothing, and does without a clock that does not answer', () => {
    const linesOf = (answer: (message: Message) => readonly Message[]) => {
      const scheduler = new TestScheduler(() => undefined);
      const lines: string[] = [];
      scheduler.run(({ flush }) => {
        const command = infoCommand(scripted(answer));
        command.run({ url: 'ws://x', token: undefined, json: false }, [], NEVER).subscribe({
          next: ({ text }) => lines.push(`${scheduler.now()} ${text}`),
          error: (cause) => lines.push(`${scheduler.now()} ${(cause as ClaspError).reason}`),
        });
        flush();
      });
      return lines;
    };
    expect(linesOf(() => [])).toEqual(['10000 no session at ws://x: no WELCOME within 10 s']);
    expect(linesOf((message) => (message.type === 'HELLO' ? [welcome] : []))).toEqual([
      '2000 relay       Venue\\u001b[2J',
      '2000 url         ws://x',
      '2000 session     a1b2',
      '2000 protocol    1',
      '2000 features    param event',
    ]);
  });

  it('ends with 1 when it is interrupted', async () => {
    const silent = { ...scripted(polite), figures: () => NEVER };
    const stop = new Subject<void>();
    const reasons: unknown[] = [];
    infoCommand(silent)
      .run({ url: 'ws://x', token: undefined, json: false }, [], stop)
      .subscribe({ error: (cause) => reasons.push((cause as ClaspError).reason) });
    stop.next();
    expect(reasons).toEqual(['interrupted']);
  });
});

describe('figures', () => {
  const servers = new Set<Server>();
  afterEach(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    servers.clear();
  });

  const answering = async (answer: RequestListener): Promise<unknown> => {
    const server = createServer(answer);
    servers.add(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return firstValueFrom(figures(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/clasp`));
  };

  it('are what the relay tells of itself over HTTP', async () => {
    const asked: unknown[] = [];
    const told = await answering(({ url, headers }, response) => {
      asked.push(url, headers.accept);
      response.end('{"sessions":3,"params":4,"uptime":5,"name":"x","extra":6,"failures":{"osc":2,"x":"y"}}');
    });
    expect(told).toEqual({ sessions: 3, params: 4, uptime: 5, failures: { osc: 2 } });
    expect(asked).toEqual(['/', 'application/json']);
  });

  it('are empty when there is no such thing', async () => {
    expect(await answering((_, response) => void response.end('<html>'))).toEqual({});
    expect(await answering((_, response) => void response.end('null'))).toEqual({});
    expect(await answering((_, response) => void response.end('{"params":"many"}'))).toEqual({});
    expect(await answering((_, response) => void response.end('9'.repeat(1_000_000)))).toEqual({});
    expect(await answering((_, response) => void response.destroy())).toEqual({});
    expect(await firstValueFrom(figures('ws://127.0.0.1:9'))).toEqual({});
  });
});
