import { EMPTY, map, NEVER, Observable, of, Subject, takeUntil, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { version } from '../version.ts';
import { type Command, data, defineCommand, type Line, message, UsageError } from './command.ts';
import { run } from './runner.ts';

const command = (lines: Command['run']): Command =>
  defineCommand({
    name: 'probe',
    summary: 'do something',
    arguments: [{ name: 'WORD', help: 'any', optional: true }],
    options: {
      depth: { kind: 'number', placeholder: 'N', help: 'how deep', min: 0, max: 9, fallback: 3 },
      url: { kind: 'text', placeholder: 'URL', help: 'where', env: 'CLASP_URL' },
    },
    notes: ['A note.'],
    examples: [{ what: 'deeper', run: 'clasp-rx probe --depth 9' }],
    run: lines,
  });

const terminal = () => {
  const stop = new Subject<void>();
  const unread = new Subject<void>();
  const printed: string[] = [];
  const io = {
    env: {},
    stop,
    unread,
    out: (line: string) => void printed.push(line),
    err: (line: string) => void printed.push(`err: ${line}`),
  };
  return { io, stop, unread, printed };
};

const outcome = async (words: string[], lines: () => Observable<Line> = () => EMPTY) => {
  const { io, printed } = terminal();
  return { code: await run(words, [command(lines)], io), printed };
};

describe('run', () => {
  it('prints data on stdout and messages on stderr, and ends with 0', async () => {
    const { code, printed } = await outcome(['probe'], () => of(data('1'), message('note'), data('2')));
    expect({ code, printed }).toEqual({ code: 0, printed: ['1', 'err: note', '2'] });
  });

  it('ends with 1 and one line when the command fails', async () => {
    const failed = await outcome(['probe'], () =>
      throwError(() => new ClaspError(ErrorCode.Forbidden, 'no', { address: '/a' })),
    );
    expect(failed).toEqual({ code: 1, printed: ['err: clasp-rx: no (/a)'] });
    const broken = await outcome(['probe'], () => {
      throw new Error('oops');
    });
    expect(broken).toEqual({ code: 1, printed: ['err: clasp-rx: oops'] });
  });

  it('ends with 2 and says where the help is when the words make no sense', async () => {
    const help = 'err: clasp-rx probe --help explains it';
    expect(await outcome(['probe', '--deph', '1'])).toEqual({
      code: 2,
      printed: ['err: clasp-rx: unknown option --deph; did you mean --depth?', help],
    });
    const refused = await outcome(['probe'], () => throwError(() => new UsageError('not like this')));
    expect(refused).toEqual({ code: 2, printed: ['err: clasp-rx: not like this', help] });
  });

  it('ends with 2 on an unknown command and suggests the one that was meant', async () => {
    expect(await outcome(['prob'])).toEqual({
      code: 2,
      printed: [
        'err: clasp-rx: unknown command "prob"; did you mean "probe"?',
        'err: clasp-rx --help lists the commands',
      ],
    });
    expect((await outcome(['xyzzy'])).printed[0]).toBe('err: clasp-rx: unknown command "xyzzy"');
  });

  it('prints the overview without words, with --help and with help', async () => {
    const pages = await Promise.all(
      [[], ['--help'], ['-h'], ['help'], ['help', 'nothing']].map((words) => outcome(words)),
    );
    for (const { code, printed } of pages) {
      expect(code).toBe(0);
      expect(printed.join('\n')).toContain('  probe [WORD]  do something');
    }
  });

  it("prints a command's help", async () => {
    const pages = await Promise.all(
      [
        ['probe', '--help'],
        ['probe', '-h'],
        ['help', 'probe'],
      ].map((words) => outcome(words)),
    );
    for (const { code, printed } of pages) {
      expect(code).toBe(0);
      expect(printed.join('\n')).toBe(`clasp-rx probe: do something

Usage: clasp-rx probe [WORD] [OPTIONS]

  WORD  any

Options:
  --depth N  how deep (default 3)
  --url URL  where (or CLASP_URL)
  --help     print this

A note.

Examples:
  # deeper
  clasp-rx probe --depth 9`);
    }
  });

  it('prints the version', async () => {
    expect(await outcome(['--version'])).toEqual({ code: 0, printed: [version] });
  });

  it('tells the command to stop and waits until it has', async () => {
    const { io, stop, printed } = terminal();
    const drained = new Subject<void>();
    const lines: Command['run'] = (_options, _args, stopping) =>
      new Observable((out) => {
        stopping.subscribe(() => out.next(message('draining')));
        drained.subscribe(() => out.complete());
      });
    const code = run(['probe'], [command(lines)], io);
    stop.next();
    expect(printed).toEqual(['err: draining']);
    drained.next();
    expect(await code).toBe(0);
  });

  it('ends with 0 when nobody reads on', async () => {
    const { io, unread, printed } = terminal();
    let left = false;
    const code = run(
      ['probe'],
      [
        command(
          () =>
            new Observable((out) => {
              out.next(data('first'));
              return () => {
                left = true;
              };
            }),
        ),
      ],
      io,
    );
    unread.next();
    expect(await code).toBe(0);
    expect({ left, printed }).toEqual({ left: true, printed: ['first'] });
  });

  it('hands over the environment and the words', async () => {
    const { io, printed } = terminal();
    const lines: Command['run'] = ({ url }, args, stop) =>
      of(data(`${url} ${args}`)).pipe(
        takeUntil(stop),
        map((line) => line),
      );
    await run(['probe', 'word'], [command(lines)], { ...io, env: { CLASP_URL: 'ws://env' }, stop: NEVER });
    expect(printed).toEqual(['ws://env word']);
  });
});
