import { of } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeClient, type LocalRelay, localRelay, runCommand } from '../../peers/run-command.ts';
import { emitCommand } from './emit.ts';
import { getCommand } from './get.ts';
import { setCommand } from './set.ts';

let relay: LocalRelay;
beforeEach(() => {
  relay = localRelay();
});
afterEach(() => relay.stop());

const done = (...out: string[]) => ({ code: 0, out, err: [] });
const failed = (...err: string[]) => ({ code: 1, out: [], err: err.map((line) => `clasp-rx: ${line}`) });

describe('set', () => {
  it('writes and prints the revision', async () => {
    const local = relay.router.client('local');
    expect(await runCommand(setCommand(relay.connect), ['/a', '0.5'])).toEqual(done('1'));
    expect(await runCommand(setCommand(relay.connect), ['/a', 'two words', '--json'])).toEqual(
      done('{"address":"/a","revision":2}'),
    );
    expect(await local.get('/a')).toBe('two words');
    expect(await runCommand(setCommand(relay.connect), ['/a', '0.5', '--string'])).toEqual(done('3'));
    expect(await local.get('/a')).toBe('0.5');
  });

  it('takes a negative number', async () => {
    expect(await runCommand(setCommand(relay.connect), ['/a', '-3'])).toEqual(done('1'));
    expect(await relay.router.client('local').get('/a')).toBe(-3);
  });

  it('asks for a revision and for a lock', async () => {
    expect(await runCommand(setCommand(relay.connect), ['/a', '1', '--revision', '0'])).toEqual(done('1'));
    expect((await runCommand(setCommand(relay.connect), ['/a', '2', '--revision', '7'])).code).toBe(1);
    const locked = await runCommand(setCommand(relay.connect), ['/a', '2', '--lock', '--json']);
    expect(JSON.parse(locked.out[0] ?? '')).toMatchObject({ address: '/a', revision: 2, locked: true });
    await relay.router.client('holder').set('/a', 3, { lock: true });
    expect(await runCommand(setCommand(relay.connect), ['/a', '4'])).toMatchObject({
      code: 1,
      err: [expect.stringContaining('lock')],
    });
  });

  it('passes the time to live on', async () => {
    const asked: unknown[] = [];
    const fake = fakeClient({
      set: (...all: unknown[]) => {
        asked.push(all);
        return of({ address: '/a', revision: 1 });
      },
    });
    await runCommand(
      setCommand(() => fake),
      ['/a', '1', '--ttl', '60', '--unlock'],
    );
    await runCommand(
      setCommand(() => fake),
      ['/a', '1', '--ttl', '60', '--ttl-mode', 'absolute'],
    );
    expect(asked).toEqual([
      ['/a', 1n, { unlock: true, ttl: { seconds: 60, mode: 'sliding' } }],
      ['/a', 1n, { ttl: { seconds: 60, mode: 'absolute' } }],
    ]);
  });

  it.each([
    [['a', '1'], 'address must start with "/": "a"'],
    [['/a/*', '1'], 'address'],
    [['/a'], 'VALUE is missing: JSON or text; null deletes the param'],
    [['/a', '{on: 1}'], '{on: 1} is not a value: '],
    [['/a', '1', '--lock', '--unlock'], '--lock and --unlock exclude each other'],
    [['/a', '1', '--ttl-mode', 'absolute'], '--ttl-mode needs --ttl SECONDS'],
    [['/a', '1', '--url', 'localhost:7330'], '--url starts with ws:// or wss://'],
  ])('refuses %j as wrong usage', async (words, reason) => {
    const { code, err } = await runCommand(setCommand(relay.connect), words);
    expect(code).toBe(2);
    expect(err[0]).toContain(`clasp-rx: ${reason}`);
    expect(err[1]).toBe('clasp-rx set --help explains it');
  });
});

describe('get', () => {
  it('prints the value, as JSON unless it shall be raw', async () => {
    await relay.router.client('local').set('/title', 'Evening "show"');
    expect(await runCommand(getCommand(relay.connect), ['/title'])).toEqual(done('"Evening \\"show\\""'));
    expect(await runCommand(getCommand(relay.connect), ['/title', '--raw'])).toEqual(done('Evening "show"'));
    expect(await runCommand(getCommand(relay.connect), ['/title', '--json'])).toEqual(
      done('{"address":"/title","value":"Evening \\"show\\""}'),
    );
  });

  it('fails when there is none', async () => {
    expect(await runCommand(getCommand(relay.connect), ['/none'])).toEqual(failed('/none has no value'));
  });
});

describe('emit', () => {
  it('sends an event and waits until the relay has it', async () => {
    const heard: unknown[] = [];
    relay.router.client('local').on('/cue/**', (value, address) => heard.push([address, value]));
    expect(await runCommand(emitCommand(relay.connect), ['/cue/go'])).toEqual(done());
    expect(await runCommand(emitCommand(relay.connect), ['/cue/go', '[1, "a"]', '--json'])).toEqual(
      done('{"address":"/cue/go","value":[1,"a"]}'),
    );
    expect(heard).toEqual([
      ['/cue/go', null],
      ['/cue/go', [1, 'a']],
    ]);
  });
});
