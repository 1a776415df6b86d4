import type { IncomingHttpHeaders } from 'node:http';

/** The token of a request: `Authorization: Bearer …`, or `?token=` where a browser cannot set headers. */
export function bearerToken({ authorization = '' }: IncomingHttpHeaders, query: URLSearchParams): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? query.get('token') ?? undefined;
}
