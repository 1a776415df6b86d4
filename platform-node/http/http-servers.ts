import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { RoundRobin } from '../../operators/round-robin.ts';
import { readingTurns } from '../event-loop.ts';
import { formatHostPort } from '../host-port.ts';
import { requestTurns } from './http-requests.ts';

/** Milliseconds that a peer may take for its headers, and for a whole request. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 5_000 };
/** Free ports that are tried when 0 is asked for. */
const ATTEMPTS = 5;
/** Thousands may reconnect in the same moment. */
const BACKLOG = 4096;

/** The HTTP servers of one relay: one for each address its host stands for. */
export interface HttpServers {
  /** Not bound yet: what handles their `upgrade` is added first. */
  readonly servers: readonly Server[];
  /** Binds them and gives the port. Rejects with a `ClaspError` 500 that says in one line what is in the way. */
  listen(port: number): Promise<number>;
  /** Stops accepting; resolves when the last socket is closed. */
  close(): Promise<void>;
  /** Cuts off every socket that is still open. */
  destroy(): void;
}

export interface HttpServersOptions {
  /** What is bound; `localhost` means 127.0.0.1 and, on a machine that has it, ::1. */
  readonly host: string;
  readonly request: RequestListener;
  /** Whose requests begin when. @defaultValue the connections of these servers share their time */
  readonly turns?: RoundRobin;
  /** Told what goes wrong once it listens, for example that there are no file handles left to accept with. It goes on. */
  readonly failed: (failure: ClaspError) => void;
}

/** Makes the servers of one host, and binds nothing yet. */
export function httpServers({ host, request, turns = readingTurns(), failed }: HttpServersOptions): HttpServers {
  const addresses = host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
  const sockets = new Set<Socket>();
  const servers = addresses.map(() => createServer(TIMEOUTS, requestTurns(request, turns)));
  for (const server of servers) {
    server.on('connection', (socket: Socket) => {
      if (sockets.has(socket)) return; // it comes again after an upgrade that was none
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
  }

  const bindAll = async (wanted: number): Promise<number> => {
    let port = wanted;
    for (const [index, server] of servers.entries()) {
      const address = addresses[index] ?? host;
      try {
        port = await bind(server, address, port);
      } catch (cause) {
        // Many machines and containers have no IPv6; 127.0.0.1 is bound then.
        if (index > 0 && isAbsent(cause)) continue;
        throw listenError(cause, address, port);
      }
    }
    return port;
  };
  const close = async () => {
    await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  };
  const listen = async (wanted: number): Promise<number> => {
    for (let attempt = 1; ; attempt++) {
      try {
        const port = await bindAll(wanted);
        for (const server of servers) {
          server.on('error', (cause) => failed(ClaspError.from(cause, ErrorCode.Overloaded)));
        }
        return port;
      } catch (cause) {
        // A port that was free on the first address need not be on the second.
        if (wanted !== 0 || attempt === ATTEMPTS) throw cause;
        await close();
      }
    }
  };

  return {
    servers,
    listen,
    close,
    destroy: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The URLs under which a relay that is bound to `host` is reached, this machine's own first. */
export function urlsOf(host: string, port: number): readonly string[] {
  if (host !== '0.0.0.0' && host !== '::') return [`ws://${formatHostPort(host, port)}`];
  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family, address }) => !internal && family === 'IPv4' && !address.startsWith('169.254.'));
  return ['localhost', ...outside.map(({ address }) => address)].map((name) => `ws://${formatHostPort(name, port)}`);
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function isAbsent(cause: unknown): boolean {
  const code = codeOf(cause);
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT';
}

function codeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}

function listenError(cause: unknown, host: string, port: number): ClaspError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} on ${host} is in use`,
    EACCES: `port ${port} on ${host} needs more rights`,
    EADDRNOTAVAIL: `this machine has no address ${host}`,
    ENOTFOUND: `nobody knows the host ${host}`,
  };
  const reason = reasons[String(codeOf(cause))] ?? `cannot listen on ${formatHostPort(host, port)}: ${String(cause)}`;
  return new ClaspError(ErrorCode.Internal, reason, { cause });
}
