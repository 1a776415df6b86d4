import { get } from 'node:http';
import { get as getSecurely } from 'node:https';
import { Observable } from 'rxjs';
import type { RelayStatus } from '../http/status-page.ts';

const PATIENCE = 2_000;
const MAX_BODY = 65_536;

/** The figures that the relay at a WebSocket URL gives over HTTP. Emits once; empty when it gives none. */
export function figures(url: string): Observable<Partial<RelayStatus>> {
  return new Observable((out) => {
    const none = () => {
      out.next({});
      out.complete();
    };
    const target = new URL(url.replace(/^ws/, 'http'));
    target.pathname = '/';
    const request = (target.protocol === 'https:' ? getSecurely : get)(
      target,
      { agent: false, timeout: PATIENCE, headers: { accept: 'application/json' } },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
          if (body.length > MAX_BODY) request.destroy(new Error('too long'));
        });
        response.on('end', () => {
          out.next(numbersOf(body));
          out.complete();
        });
        response.on('error', none);
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', none);
    return () => request.destroy();
  });
}

/** The figures of a JSON object that are numbers, whoever wrote it. */
function numbersOf(body: string): Partial<RelayStatus> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return {}; // some other web page
  }
  if (typeof parsed !== 'object' || parsed === null) return {};
  const wanted = ['sessions', 'params', 'uptime'];
  const { failures } = parsed as { failures?: unknown };
  return {
    ...numbersIn(parsed, (key) => wanted.includes(key)),
    ...(typeof failures === 'object' && failures !== null && { failures: numbersIn(failures, () => true) }),
  };
}

function numbersIn(object: object, wanted: (key: string) => boolean): Record<string, number> {
  return Object.fromEntries(
    Object.entries(object).filter(
      (entry): entry is [string, number] => wanted(entry[0]) && typeof entry[1] === 'number',
    ),
  );
}
