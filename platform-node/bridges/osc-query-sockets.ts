import type { Server } from 'node:http';
import type { SchedulerLike, Subscription } from 'rxjs';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { encodeOsc } from '../../core/protocols/osc/osc-encode.ts';
import type { OscTags } from '../../core/protocols/osc/osc-mapping.ts';
import { fromOscAddress, toOsc, toOscAddress } from '../../core/protocols/osc/osc-mapping.ts';
import type { Signal } from '../../core/signal/signal.ts';
import type { Value } from '../../core/signal/value.ts';
import { RecentMap } from '../../core/transforms/recent-map.ts';

export interface OscQuerySocketsOptions {
  readonly client: Pick<Client, 'cached'>;
  readonly namespace: string;
  /** The types last received at an address. */
  readonly tags: (address: string) => OscTags | undefined;
  /** Told what does not get through. */
  readonly failed: (failure: ClaspError) => void;
  readonly scheduler: SchedulerLike;
}

/** The WebSockets of one OSCQuery. */
export interface OscQuerySockets {
  /** Something happened below the namespace. */
  follow(signal: Signal): void;
  close(): void;
}

const MAX_PEERS = 64;
/** Addresses that one peer may listen to. */
const MAX_LISTENED = 16_384;
/** Addresses whose type is remembered, to tell when it becomes another one. */
const MAX_ADDRESSES = 65_536;
/** Bytes of the longest command. */
const LONGEST_COMMAND = 65_536;
/** Bytes that may wait for a peer; beyond it only the newest value of each param waits. */
const MAX_WAITING = 1024 * 1024;
/** Milliseconds between two looks whether a peer that lags takes more. */
const LOOK = 20;
/** Milliseconds in which changes of the tree gather, and how many are told one by one. */
const GATHER = 50;
const MAX_TOLD = 256;
/** Milliseconds between two pings; who has not answered the last one is gone. */
const PING = 30_000;

interface Peer {
  readonly socket: WebSocket;
  readonly name: string;
  readonly listens: Set<string>;
  /** Addresses of which the newest value is to be sent when there is room. */
  readonly late: Set<string>;
  answers: boolean;
}

type PathCommand = 'PATH_ADDED' | 'PATH_CHANGED' | 'PATH_REMOVED';

/**
 * The WebSocket side of OSCQuery on the servers given: `LISTEN` and `IGNORE` from peers; to them OSC packets with what
 * they listen to, the current value first, and `PATH_ADDED`, `PATH_REMOVED` and `PATH_CHANGED` when the tree changes.
 */
export function oscQuerySockets(servers: readonly Server[], options: OscQuerySocketsOptions): OscQuerySockets {
  const { client, namespace, tags, failed, scheduler } = options;
  const handshakes = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: LONGEST_COMMAND });
  const peers = new Set<Peer>();
  const kinds = new RecentMap<string, string>(MAX_ADDRESSES);
  const changes = new Map<string, PathCommand>();
  let gathering: Subscription | undefined;
  let looking: Subscription | undefined;

  const packetOf = (signal: Signal): Uint8Array | undefined => {
    try {
      return encodeOsc(toOsc(signal, { namespace, tags: tags(signal.address) }));
    } catch {
      // What OSC cannot carry has no place in the tree either.
      return undefined;
    }
  };
  const current = (address: string): Signal | undefined => {
    const value = client.cached(address) ?? null;
    return value === null ? undefined : { kind: 'param', address, value };
  };
  const look = () => {
    looking = undefined;
    for (const { socket, late } of peers) {
      for (const address of late) {
        if (socket.bufferedAmount > MAX_WAITING) break;
        late.delete(address);
        const signal = current(address);
        const packet = signal && packetOf(signal);
        if (packet) socket.send(packet);
      }
      if (late.size > 0) lookLater();
    }
  };
  const lookLater = () => {
    looking ??= scheduler.schedule(look, LOOK);
  };
  const sendTo = ({ socket, name, late }: Peer, signal: Signal, packet: Uint8Array) => {
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount <= MAX_WAITING && !late.has(signal.address)) socket.send(packet);
    else if (signal.kind === 'param') {
      late.add(signal.address);
      lookLater();
    } else failed(new ClaspError(ErrorCode.Overloaded, `${name}: packet dropped, too many wait to be sent`));
  };

  const tellChanges = () => {
    gathering = undefined;
    const told: [PathCommand, string][] = [...changes].map(([path, command]) => [command, path]);
    const containers = new Set(
      told.filter(([command]) => command !== 'PATH_CHANGED').map(([, path]) => parentOf(path)),
    );
    told.push(...[...containers].map((path): [PathCommand, string] => ['PATH_CHANGED', path]));
    changes.clear();
    const commands = told.length > MAX_TOLD ? [['PATH_CHANGED', '/'] as const] : told;
    for (const [command, path] of commands) {
      const text = JSON.stringify({ COMMAND: command, DATA: path });
      for (const { socket } of peers) if (socket.readyState === socket.OPEN) socket.send(text);
    }
  };
  const changed = (address: string, command: PathCommand) => {
    if (peers.size === 0) return;
    let path: string;
    try {
      path = toOscAddress(address, namespace);
    } catch {
      return;
    }
    // What is not told yet as added is still new when it has another type.
    if (command !== 'PATH_CHANGED' || changes.get(path) !== 'PATH_ADDED') changes.set(path, command);
    gathering ??= scheduler.schedule(tellChanges, GATHER);
  };
  const followTree = (address: string, value: Value) => {
    const before = kinds.get(address);
    if (value === null) {
      kinds.delete(address);
      if (before !== undefined) changed(address, 'PATH_REMOVED');
      return;
    }
    const kind = kindOf(value);
    if (before === kind) return;
    kinds.set(address, kind);
    changed(address, before === undefined ? 'PATH_ADDED' : 'PATH_CHANGED');
  };

  const receive = (peer: Peer, text: string) => {
    const { command, path } = commandOf(text) ?? {};
    const address = path === undefined ? undefined : fromOscAddress(path, namespace);
    if (command === undefined || address === undefined) {
      failed(new ClaspError(ErrorCode.BadMessage, `${peer.name}: no OSCQuery command: ${text.slice(0, 64)}`));
    } else if (command === 'IGNORE') {
      peer.listens.delete(address);
      peer.late.delete(address);
    } else if (peer.listens.size >= MAX_LISTENED) {
      failed(new ClaspError(ErrorCode.TooMany, `${peer.name}: listens to ${MAX_LISTENED} addresses already`));
    } else {
      peer.listens.add(address);
      const signal = current(address);
      const packet = signal && packetOf(signal);
      if (signal && packet) sendTo(peer, signal, packet);
    }
  };
  const accept = (socket: WebSocket, name: string) => {
    socket.on('error', () => socket.terminate());
    if (peers.size >= MAX_PEERS) {
      socket.close(1013, `too many peers, at most ${MAX_PEERS}`);
      failed(new ClaspError(ErrorCode.TooMany, `${name}: turned away, there are ${MAX_PEERS} OSCQuery peers already`));
      return;
    }
    const peer: Peer = { socket, name, listens: new Set(), late: new Set(), answers: true };
    peers.add(peer);
    socket.on('close', () => peers.delete(peer));
    socket.on('pong', () => {
      peer.answers = true;
    });
    socket.on('message', (data, isBinary) => {
      if (!isBinary) receive(peer, data.toString());
      else failed(new ClaspError(ErrorCode.BadMessage, `${name}: OSC is taken over UDP and TCP, not over WebSocket`));
    });
  };
  for (const server of servers) {
    server.on('upgrade', (request, stream, head) => {
      const { remoteAddress, remotePort } = request.socket;
      handshakes.handleUpgrade(request, stream, head, (socket) => accept(socket, `${remoteAddress}:${remotePort}`));
    });
  }
  const pinging = scheduler.schedule(function (this: { schedule(state?: unknown, delay?: number): unknown }) {
    for (const peer of peers) {
      if (peer.answers) peer.socket.ping();
      else peer.socket.terminate();
      peer.answers = false;
    }
    this.schedule(undefined, PING);
  }, PING);

  return {
    follow: (signal) => {
      if (signal.kind === 'param') followTree(signal.address, signal.value);
      let packet: Uint8Array | undefined;
      for (const peer of peers) {
        if (!peer.listens.has(signal.address)) continue;
        packet ??= packetOf(signal);
        if (packet) sendTo(peer, signal, packet);
      }
    },
    close: () => {
      for (const each of [pinging, gathering, looking]) each?.unsubscribe();
      for (const { socket } of peers) socket.close(1001, 'shutting down');
    },
  };
}

function commandOf(text: string): { command: 'LISTEN' | 'IGNORE'; path: string } | undefined {
  try {
    const { COMMAND: command, DATA: path } = JSON.parse(text) as { COMMAND?: unknown; DATA?: unknown };
    if ((command !== 'LISTEN' && command !== 'IGNORE') || typeof path !== 'string') return undefined;
    return { command, path };
  } catch {
    // Not JSON, or null.
    return undefined;
  }
}

/** What makes a node of another type; true and false are one, and so are all numbers. */
function kindOf(value: Value): string {
  if (Array.isArray(value)) return `[${value.map(kindOf).join('')}]`;
  if (value instanceof Uint8Array) return 'b';
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return 'n';
    case 'boolean':
      return 'T';
    case 'string':
      return 's';
    default:
      return value === null ? 'N' : 'm';
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
