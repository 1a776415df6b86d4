import { ClaspError, ErrorCode } from '../core/errors.ts';

/** A host, by name or address, and a port. */
export interface HostPort {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `host:port` (`[address]:port` for IPv6), or `:port` and `port` alone where `defaultHost` is given. Throws a
 * `ClaspError` with code 402 for anything else.
 *
 * @example
 * ```ts
 * parseHostPort('127.0.0.1:9000'); // { host: '127.0.0.1', port: 9000 }
 * ```
 */
export function parseHostPort(text: string, defaultHost?: string): HostPort {
  const parts = /^(?:(?:\[([\da-f:.%\w]+)\]|([^:[\]\s]*)):)?(\d{1,5})$/i.exec(text);
  const host = parts?.[1] ?? (parts?.[2] || defaultHost);
  const port = Number(parts?.[3]);
  if (!parts || !host || port > 65_535) {
    const form = defaultHost === undefined ? 'host:port' : 'port or host:port';
    throw new ClaspError(ErrorCode.BadValue, `${JSON.stringify(text)} is not ${form}`, { value: text });
  }
  return { host, port };
}

/** Writes what {@link parseHostPort} reads. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether a host, with or without a port, is this machine. */
export function isLocal(host: string): boolean {
  return host === '::1' || /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(host);
}
