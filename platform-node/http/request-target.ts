import type { IncomingMessage } from 'node:http';

/** The path that a request asks for, as it was sent: never decoded or tidied, so that all listeners of a server agree on it. */
export function pathOf({ url = '/' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** What stands behind the `?` of a request's target; empty where nothing does. Takes any target, also one that is no URL. */
export function queryOf({ url = '/' }: IncomingMessage): URLSearchParams {
  const query = url.indexOf('?');
  return new URLSearchParams(query < 0 ? '' : url.slice(query));
}
