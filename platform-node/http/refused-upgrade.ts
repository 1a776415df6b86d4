import type { Duplex } from 'node:stream';

/** Answers a request for a WebSocket that is not granted, with a status as `403 Forbidden` and a reason, and closes. */
export function refuse(stream: Duplex, status: string, reason = ''): void {
  stream.on('error', () => stream.destroy());
  const body = reason === '' ? '' : `${reason}\n`;
  const type = body === '' ? '' : 'Content-Type: text/plain; charset=utf-8\r\n';
  stream.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\n${type}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
