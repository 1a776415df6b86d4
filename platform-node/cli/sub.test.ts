import { NEVER } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeClient, type LocalRelay, localRelay, runCommand } from '../../peers/run-command.ts';
import { subCommand } from './sub.ts';

let relay: LocalRelay;
beforeEach(() => {
  relay = localRelay();
});
afterEach(() => relay.stop());

const done = (...out: string[]) => ({ code: 0, out, err: [] });

describe('sub', () => {
  it('prints the current params and then what comes, and ends after the count', async () => {
    const local = relay.router.client('local');
    await local.set('/a/1', 0.5);
    const { code, out } = await runCommand(subCommand(relay.connect), ['/a/*', '--count', '3'], (line) => {
      if (line === '/a/1 0.5') {
        local.set('/a/2', 'x y');
        local.emit('/a/3', { on: true });
      }
    });
    expect({ code, out }).toEqual({ code: 0, out: ['/a/1 0.5', '/a/2 "x y"', '/a/3 event {"on":true}'] });
  });

  it('prints JSON with what there is to know', async () => {
    const local = relay.router.client('local');
    await local.set('/a', 1n);
    const { out } = await runCommand(subCommand(relay.connect), ['/**', '--json', '--count', '2'], () => {
      local.stream('/s', [1, 2]);
    });
    const [param, stream] = out.map((line) => JSON.parse(line));
    expect(param).toMatchObject({ kind: 'param', address: '/a', value: 1, revision: 1, snapshot: true });
    expect(stream).toMatchObject({ kind: 'stream', address: '/s', value: [1, 2] });
  });

  it('leaves the snapshot out, and other kinds', async () => {
    const local = relay.router.client('local');
    await local.set('/a', 1);
    const { out } = await Promise.all([
      runCommand(subCommand(relay.connect), ['/a', '--no-snapshot', '--types', 'param,stream', '--count', '1']),
      // Behind the subscription: in this process messages arrive before the call returns.
      (async () => {
        await local.get('/a');
        local.emit('/a', 2);
        local.set('/a', 3);
      })(),
    ]).then(([first]) => first);
    expect(out).toEqual(['/a 3']);
  });

  it('asks the relay for pace and distance', () => {
    const asked: unknown[] = [];
    const fake = fakeClient({
      on: (pattern: string, options: unknown) => {
        asked.push(pattern, options);
        return NEVER;
      },
    });
    void runCommand(
      subCommand(() => fake),
      ['/**', '--max-rate', '30', '--epsilon', '0.01', '--types', 'param'],
    );
    expect(asked).toEqual(['/**', { maxRate: 30, epsilon: 0.01, types: ['param'] }]);
  });

  it('ends with 0 when it is stopped', async () => {
    await relay.router.client('local').set('/a', 1);
    expect(await runCommand(subCommand(relay.connect), ['/**'], (_line, stop) => stop())).toEqual(done('/a 1'));
  });

  it('goes on when the connection comes back, and says so', async () => {
    await relay.router.client('local').set('/a', 1);
    const { code, out, err } = await runCommand(subCommand(relay.connect), ['/a'], (line, stop) => {
      if (line.includes('was lost')) {
        relay.restart();
        relay.router.client('local').set('/a', 2);
      } else if (line === '/a 1') relay.stop();
      else if (line === '/a 2') stop();
    });
    expect({ code, out }).toEqual({ code: 0, out: ['/a 1', '/a 2'] });
    expect(err[0]).toMatch(/^clasp-rx: the connection to ws:\/\/localhost:7330 was lost.*; trying again$/);
    expect(err[1]).toBe('clasp-rx: connected to ws://localhost:7330 again');
  });

  it('fails when the relay refuses the subscription', async () => {
    relay.stop();
    relay = localRelay({ authenticate: () => ({ scopes: ['read:/open/**'] }) });
    const refused = await runCommand(subCommand(relay.connect), ['/closed/**']);
    expect(refused).toMatchObject({ code: 1, out: [], err: [expect.stringContaining('/closed/**')] });
  });

  it.each([
    [['osc/**'], 'pattern must start with "/": "osc/**"'],
    [
      ['/**', '--types', 'param,parm'],
      '--types is a list of param, event, stream, gesture, timeline; "parm" is none of them',
    ],
    [['/**', '--count', '0'], '--count is a whole number from 1, not "0"'],
  ])('refuses %j as wrong usage', async (words, reason) => {
    expect(await runCommand(subCommand(relay.connect), words)).toMatchObject({
      code: 2,
      err: [`clasp-rx: ${reason}`, expect.anything()],
    });
  });
});
