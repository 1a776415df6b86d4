import { BehaviorSubject, NEVER, Subject, throwError } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientStatus } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { createClient } from '../../operators/client/client.ts';
import { fakeClient, type LocalRelay, localRelay, runCommand } from '../../peers/run-command.ts';
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
