import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { RelayEvent } from '../relay.ts';
import { type RelayLogOptions, relayLog } from './relay-log.ts';

const session = { id: 'a1', name: 'desk', peer: '127.0.0.1:50312' };
const ofProcess = { id: 'b2', name: 'osc', peer: 'memory-1' };
const error = new ClaspError(ErrorCode.Forbidden, 'scope does not allow this', { address: '/secret' });

const bug = new ClaspError(ErrorCode.NotAuthenticated, 'not authenticated', { cause: new Error('no database') });

const events: Record<string, RelayEvent> = {
  o: { type: 'session-opened', session },
  c: { type: 'session-closed', session, reason: undefined },
  i: { type: 'session-closed', session, reason: new ClaspError(ErrorCode.Timeout, 'idle') },
  p: { type: 'session-opened', session: ofProcess },
  r: { type: 'refused', session, error },
  a: { type: 'refused', session, error: bug },
  b: { type: 'bridge-ready', bridge: 'osc', address: '127.0.0.1:8000' },
  f: { type: 'bridge-failure', bridge: 'osc', failure: new ClaspError(ErrorCode.BadFrame, 'not OSC\u001b[2J') },
  e: { type: 'bridge-ended', bridge: 'osc', reason: undefined },
};

/** The lines for a diagram of events, with the milliseconds at which they came. */
const linesOf = (diagram: string, options: RelayLogOptions = {}): string[] => {
  const scheduler = new TestScheduler(() => undefined);
  const lines: string[] = [];
  scheduler.run(({ cold }) => {
    relayLog(cold(diagram, events), { scheduler, ...options }).subscribe({
      next: (line) => lines.push(`${scheduler.now()} ${line}`),
      complete: () => lines.push(`${scheduler.now()} end`),
    });
  });
  return lines;
};

describe('relayLog', () => {
  it('tells in one line what happened, and nothing that steers the terminal', () => {
    expect(linesOf('ocirfe|')).toEqual([
      '0 info  session opened: desk (127.0.0.1:50312)',
      '1 info  session closed: desk (127.0.0.1:50312)',
      '2 info  session closed: desk (127.0.0.1:50312): idle [502]',
      '3 warn  refused to desk (127.0.0.1:50312): scope does not allow this (/secret) [301]',
      '4 warn  bridge osc: not OSC\\u001b[2J [100]',
      '5 error bridge osc has ended',
      '6 end',
    ]);
  });

  it('leaves out what is less important than the level', () => {
    expect(linesOf('ope|', { level: 'warn' })).toEqual(['2 error bridge osc has ended', '3 end']);
    expect(linesOf('rfe|', { level: 'error' })).toEqual(['2 error bridge osc has ended', '3 end']);
    expect(linesOf('pb|', { level: 'debug' })).toEqual([
      '0 debug session opened: osc (memory-1)',
      '1 debug bridge osc is open at 127.0.0.1:8000',
      '2 end',
    ]);
  });

  it('is JSON when asked', () => {
    expect(linesOf('ro|', { json: true }).map((line) => line.slice(2))).toEqual([
      '{"time":"1970-01-01T00:00:00.000Z","level":"warn","type":"refused","session":{"id":"a1","name":"desk","peer":"127.0.0.1:50312"},"code":301,"reason":"scope does not allow this","address":"/secret"}',
      '{"time":"1970-01-01T00:00:00.001Z","level":"info","type":"session-opened","session":{"id":"a1","name":"desk","peer":"127.0.0.1:50312"}}',
      'end',
    ]);
  });

  it('tells what authenticate threw, which the peer is not told', () => {
    expect(linesOf('a|')).toEqual([
      '0 warn  refused to desk (127.0.0.1:50312): not authenticated [300], because authenticate threw: no database',
      '1 end',
    ]);
    expect(linesOf('a|', { json: true })[0]).toContain('"reason":"not authenticated","cause":"no database"');
  });

  it('says of a flood how many there were, a second at a time', () => {
    const flood = 'r'.repeat(25);
    const lines = linesOf(`${flood} 975ms o ${'r'.repeat(12)}|`);
    expect(lines.filter((line) => line.includes('refused to'))).toHaveLength(20);
    expect(lines.filter((line) => line.includes('more'))).toEqual([
      '1000 warn  refused: 15 more in this second',
      '1013 warn  refused: 2 more in this second',
    ]);
    expect(lines.filter((line) => line.includes('opened'))).toHaveLength(1);
    expect(lines.at(-1)).toBe('1013 end');
  });

  it('leaves no timer behind when it is left', () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    scheduler.run(({ cold, expectSubscriptions }) => {
      const source = cold('o', events);
      relayLog(source, { scheduler }).subscribe().unsubscribe();
      expectSubscriptions(source.subscriptions).toBe('(^!)');
    });
    expect(scheduler.actions).toEqual([]);
  });
});
