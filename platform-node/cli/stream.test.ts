import { NEVER, of, Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeClient, type LocalRelay, localRelay, runCommand } from '../../peers/run-command.ts';
import { run } from './runner.ts';
import { streamCommand } from './stream.ts';

let relay: LocalRelay;
beforeEach(() => {
  relay = localRelay();
});
afterEach(() => relay.stop());

const done = (...out: string[]) => ({ code: 0, out, err: [] });

describe('stream', () => {
  it('sends each line as a sample, and ends with the input', async () => {
    const heard: unknown[] = [];
    relay.router.client('local').on('/sensor', (value) => heard.push(value));
    const input = of('0.1', '', '  ', 'text', '{"x": 1}');
    expect(await runCommand(streamCommand(relay.connect, input), ['/sensor'])).toEqual(done());
    expect(heard).toEqual([0.1, 'text', { x: 1 }]);
  });

  it('goes on after a line that is no value, and fails at the end', async () => {
    const heard: unknown[] = [];
    relay.router.client('local').on('/sensor', (value) => heard.push(value));
    expect(await runCommand(streamCommand(relay.connect, of('1', '{x', '2')), ['/sensor'])).toMatchObject({
      code: 1,
      err: [expect.stringContaining('clasp-rx: line 2: {x is not a value'), 'clasp-rx: 1 of 3 lines were no values'],
    });
    expect(heard).toEqual([1, 2]);
  });

  it('says how many samples were dropped', async () => {
    const fake = fakeClient({ stream: () => undefined, counts: { dropped: 2, badFrames: 0 } });
    const { code, err } = await runCommand(
      streamCommand(() => fake, of('1', '2', '3')),
      ['/sensor'],
    );
    expect({ code, err }).toEqual({ code: 0, err: ['clasp-rx: 2 of 3 samples were dropped'] });
  });

  it('ends with 0 when it is stopped', async () => {
    const stop = new Subject<void>();
    const code = run(['stream', '/a'], [streamCommand(relay.connect, NEVER)], {
      env: {},
      stop,
      unread: NEVER,
      out: () => undefined,
      err: () => undefined,
    });
    stop.next();
    expect(await code).toBe(0);
  });
});
