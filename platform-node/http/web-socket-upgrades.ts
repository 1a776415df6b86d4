import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** Takes on a request for a WebSocket, with the socket and what came after the request's headers. */
export type UpgradeListener = (request: IncomingMessage, stream: Duplex, head: Buffer) => void;

/** How many listeners of ours a server has, and which requests it has answered as plain ones. */
interface Upgrades {
  listeners: number;
  readonly plain: WeakSet<IncomingMessage>;
}

/** A server of Node 24 and later is asked before its upgrade is taken out of HTTP. */
interface AskedServer {
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean;
}

const upgradesOf = new WeakMap<Server, Upgrades>();

/**
 * Hands requests for a WebSocket to `listener`. A request for anything else (`Upgrade: h2c`, as curl and Java send it
 * with what they ask for) is answered by the server as if it had not asked, RFC 9110 section 7.8, unless another listener
 * is there for it. Gives what ends it.
 */
export function onWebSocketUpgrade(server: Server, listener: UpgradeListener): () => void {
  const upgrades = upgradesOf.get(server) ?? watched(server);
  const upgrade: UpgradeListener = (request, stream, head) => {
    if (wantsWebSocket(request)) {
      listener(request, stream, head);
      return;
    }
    if (upgrades.plain.has(request) || isForOthers(server, upgrades)) return;
    upgrades.plain.add(request);
    answerAsPlain(server, request, stream, head);
  };
  server.on('upgrade', upgrade);
  upgrades.listeners++;
  return () => {
    server.off('upgrade', upgrade);
    upgrades.listeners--;
  };
}

function watched(server: Server & AskedServer): Upgrades {
  const upgrades: Upgrades = { listeners: 0, plain: new WeakSet() };
  upgradesOf.set(server, upgrades);
  const { shouldUpgradeCallback: before } = server;
  if (before) {
    server.shouldUpgradeCallback = (request) =>
      (wantsWebSocket(request) || isForOthers(server, upgrades)) && before.call(server, request);
  }
  return upgrades;
}

function isForOthers(server: Server, { listeners }: Upgrades): boolean {
  return server.listenerCount('upgrade') > listeners;
}

function wantsWebSocket({ headers: { upgrade = '' } }: IncomingMessage): boolean {
  return upgrade.trim().toLowerCase() === 'websocket';
}

/**
 * Gives the request back to its server without what it asked for beside: its parser has let go of the socket, and what
 * may follow (a body) has not been read yet.
 */
function answerAsPlain(server: Server, request: IncomingMessage, stream: Duplex, head: Buffer): void {
  const lost = () => stream.destroy();
  stream.on('error', lost);
  const back = () => {
    if (stream.destroyed) return;
    // Requests that came before this one are answered first.
    const { _httpMessage: earlier } = stream as { _httpMessage?: NodeJS.EventEmitter | null };
    if (earlier) {
      earlier.once('close', back);
      return;
    }
    stream.unshift(Buffer.concat([plainHead(request), head]));
    // The server adds its own once more.
    const timeouts = stream.listeners('timeout') as (() => void)[];
    for (const listener of timeouts) stream.off('timeout', listener);
    stream.off('error', lost);
    server.emit(server.listenerCount('secureConnection') > 0 ? 'secureConnection' : 'connection', stream);
    for (const listener of timeouts) {
      if (!stream.listeners('timeout').includes(listener)) stream.on('timeout', listener);
    }
  };
  back();
}

/** The request as it came, without the upgrade. */
function plainHead({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    const value = rawHeaders[at + 1] as string;
    if (OF_UPGRADE.test(name)) continue;
    if (name.toLowerCase() !== 'connection') {
      lines.push(`${name}: ${value}`);
      continue;
    }
    const kept = value.split(',').filter((option) => !OF_UPGRADE.test(option.trim()));
    if (kept.length > 0) lines.push(`${name}: ${kept.join(',')}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

const OF_UPGRADE = /^(?:upgrade|http2-settings)$/i;
