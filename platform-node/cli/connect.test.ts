import { BehaviorSubject, concat, defer, NEVER, of, Subject, throwError } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientStatus } from '../../core/client/client.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { createClient } from '../../operators/client/client.ts';
import { router } from '../../operators/router/router.ts';
import { fakeClient, type LocalRelay, localRelay, runCommand } from '../../peers/run-command.ts';
import { bridgeCommand } from './bridge.ts';
import type { Connect } from './connect.ts';
import { emitCommand } from './emit.ts';
import { getCommand } from './get.ts';
import { run } from './runner.ts';
import { subCommand } from './sub.ts';

let relay: LocalRelay;
beforeEach(() => {
  relay = localRelay();
});
afterEach(() => relay.stop());

const failed = (...err: string[]) => ({ code: 1, out: [], err: err.map((line) => `clasp-rx: ${line}`) });

describe('a command without a relay', () => {
  const refused = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' });

  it.each<[string, unknown, string[], string]>([
    [
      'nobody listens',
      new ClaspError(ErrorCode.Timeout, 'cannot reach it', { cause: refused }),
      [],
      'nothing answers at ws://localhost:7330 (connection refused); start a relay with "npx clasp-rx relay" or name another with --url',
    ],
    [
      'the name is unknown',
      new ClaspError(ErrorCode.Timeout, 'x', { cause: Object.assign(new Error('x'), { code: 'ENOTFOUND' }) }),
      ['--url', 'ws://nowhere.invalid'],
      'nobody knows the host "nowhere.invalid"; name another with --url',
    ],
    [
      'the network is cut',
      new ClaspError(ErrorCode.Timeout, 'x', { cause: Object.assign(new Error('x'), { code: 'EHOSTUNREACH' }) }),
      [],
      'ws://localhost:7330 cannot be reached (EHOSTUNREACH); name another with --url',
    ],
    [
      'it knows no TLS',
      new ClaspError(ErrorCode.Timeout, 'x', { cause: Object.assign(new Error('write EPROTO'), { code: 'EPROTO' }) }),
      ['--url', 'wss://localhost:7330'],
      'wss://localhost:7330 was not answered with TLS; a relay without a certificate is at ws://',
    ],
    [
      'it is no relay',
      new ClaspError(ErrorCode.Timeout, 'Unexpected server response: 404'),
      [],
      'no session at ws://localhost:7330: Unexpected server response: 404',
    ],
  ])('fails and says what to do when %s', async (_, cause, words, text) => {
    const nowhere: Connect = () =>
      createClient(
        throwError(() => cause),
        { name: 'probe' },
      );
    for (const command of [getCommand(nowhere), emitCommand(nowhere), subCommand(nowhere)]) {
      expect(await runCommand(command, ['/a', ...words])).toEqual(failed(text));
    }
  });

  /** A relay that is up at the third attempt. */
  const comingUp = (): Connect => {
    let attempts = 0;
    const refusal = new ClaspError(ErrorCode.Timeout, 'cannot reach it', { cause: refused });
    return () =>
      createClient(
        defer(() => {
          attempts++;
          if (attempts < 3) return throwError(() => refusal);
          const [here, there] = memoryPair();
          const late = router();
          late(of(there)).subscribe();
          late.client('local').set('/a', 1);
          return concat(of(here), NEVER);
        }),
        { name: 'probe', random: () => 0 },
      );
  };
  const waiting = 'nothing answers at ws://localhost:7330 (connection refused); waiting for it';

  it('waits for one with --wait, and says so once', async () => {
    const words = ['/a', '--count', '1'];
    expect(await runCommand(subCommand(comingUp()), [...words, '--wait'])).toEqual({
      code: 0,
      out: ['/a 1'],
      err: [`clasp-rx: ${waiting}`, 'clasp-rx: connected to ws://localhost:7330'],
    });
    expect(await runCommand(subCommand(comingUp()), words)).toMatchObject({ code: 1, out: [] });
  });

  it('is waited for by a bridge, unless it is told not to', async () => {
    const bridge = (...words: readonly string[]) =>
      runCommand(
        bridgeCommand(() => comingUp()),
        ['osc', '--listen', '127.0.0.1:0', ...words],
        (line, stop) => line.startsWith('osc is open') && stop(),
      );
    const opened = expect.stringMatching(/^osc is open at /);
    const told = [`warn  osc: ${waiting}`, 'info  osc: connected to ws://localhost:7330'];
    for (const words of [[], ['--wait']]) expect(await bridge(...words)).toEqual({ code: 0, out: [opened], err: told });
    expect(await bridge('--no-wait')).toMatchObject({
      code: 1,
      out: [],
      err: [expect.stringContaining('start a relay')],
    });
    expect(await bridge('--no-wait', '--wait')).toMatchObject({ code: 2, out: [] });
    const lines: unknown[] = [];
    await runCommand(
      bridgeCommand(() => comingUp()),
      ['osc', '--listen', '127.0.0.1:0', '--json'],
      (line, stop) => {
        if (lines.push(JSON.parse(line)) === 3) stop();
      },
    );
    const about = { bridge: 'osc', url: 'ws://localhost:7330' };
    expect(lines).toEqual([
      { type: 'relay-waiting', ...about, code: 502, reason: waiting },
      { type: 'relay-back', ...about },
      expect.objectContaining({ type: 'ready', bridge: 'osc' }),
    ]);
  });

  it('is not waited for when it refuses the session', async () => {
    relay.stop();
    const authenticate = () => {
      throw new ClaspError(ErrorCode.NotAuthenticated, 'not authenticated');
    };
    relay = localRelay({ authenticate });
    for (const command of [subCommand(relay.connect), bridgeCommand(() => relay.connect)]) {
      const words = command.name === 'sub' ? ['/a', '--wait'] : ['osc', '--listen', '127.0.0.1:0'];
      expect(await runCommand(command, words)).toMatchObject({ code: 1, err: [expect.stringContaining('refused')] });
    }
  });

  it('asks for a token when the relay does', async () => {
    relay.stop();
    const authenticate = () => {
      throw new ClaspError(ErrorCode.NotAuthenticated, 'not authenticated');
    };
    relay = localRelay({ authenticate });
    const refusal = 'ws://localhost:7330 refused the session: not authenticated';
    expect(await runCommand(getCommand(relay.connect), ['/a'])).toEqual(
      failed(`${refusal}; give a token with --token or CLASP_TOKEN`),
    );
    expect(await runCommand(getCommand(relay.connect), ['/a', '--token', 'wrong'])).toEqual(
      failed(`${refusal}; try another token`),
    );
  });

  it('fails when the connection is lost before the answer, or the user does not wait', async () => {
    const status = new BehaviorSubject<ClientStatus>({ state: 'connected', session: 's', relay: 'r' });
    let closed = 0;
    const fake = fakeClient({ status, get: () => NEVER, close: () => closed++ });
    const lost = runCommand(
      getCommand(() => fake),
      ['/a'],
    );
    status.next({ state: 'disconnected', reason: new ClaspError(ErrorCode.Timeout, 'gone'), retryInMs: 1 });
    expect(await lost).toEqual(failed('the connection to ws://localhost:7330 was lost: gone'));

    const stop = new Subject<void>();
    const err: string[] = [];
    status.next({ state: 'connected', session: 's', relay: 'r' });
    const code = run(['get', '/a'], [getCommand(() => fake)], {
      env: {},
      stop,
      unread: NEVER,
      out: () => undefined,
      err: (line) => void err.push(line),
    });
    stop.next();
    expect({ code: await code, err }).toEqual({ code: 1, err: ['clasp-rx: interrupted'] });
    expect(closed).toBe(2);
  });
});
