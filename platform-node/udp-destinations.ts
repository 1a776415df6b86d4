import type { Socket } from 'node:dgram';
import { lookup } from 'node:dns';
import { isIP, isIPv4 } from 'node:net';
import type { SchedulerLike } from 'rxjs';
import { ErrorCode } from '../core/errors.ts';
import { RecentMap } from '../core/transforms/recent-map.ts';
import type { FailureDigest } from '../operators/failure-digest.ts';
import { formatHostPort, type HostPort, parseHostPort } from './host-port.ts';

/** Destinations that are remembered. */
const MAX_DESTINATIONS = 1_024;
/** Packets that wait for a name to be looked up; the oldest give way. */
const MAX_WAITING = 64;
/** A name is not looked up again within this many milliseconds. */
const LOOKUP_PAUSE = 5_000;

interface Destination extends Partial<HostPort> {
  readonly to: string;
  /** Undefined while the name is not known. */
  address: string | undefined;
  /** What `resolve` gives. */
  resolved: string;
  lookedUpAt: number;
  lookingUp: boolean;
  waiting: Uint8Array[];
  /** One callback for all packets. */
  readonly sent: (error: Error | null) => void;
}

/** Where a UDP socket sends: `host:port` texts, read once, their names looked up, their failures told. */
export class UdpDestinations {
  readonly #socket: Socket;
  readonly #ipv6: boolean;
  readonly #maxQueued: number;
  readonly #digest: FailureDigest;
  readonly #scheduler: SchedulerLike;
  readonly #known = new RecentMap<string, Destination>(MAX_DESTINATIONS);
  #open = true;

  constructor(socket: Socket, ipv6: boolean, maxQueued: number, digest: FailureDigest, scheduler: SchedulerLike) {
    this.#socket = socket;
    this.#ipv6 = ipv6;
    this.#maxQueued = maxQueued;
    this.#digest = digest;
    this.#scheduler = scheduler;
  }

  send(bytes: Uint8Array, to: string): void {
    if (!this.#open) return;
    const destination = this.#find(to);
    if (destination.address !== undefined) {
      this.#sendTo(destination, bytes);
    } else if (destination.port === undefined) {
      this.#digest.report(ErrorCode.BadValue, 'not host:port', { where: to });
    } else {
      this.#lookUp(destination);
      if (destination.lookingUp) this.#wait(destination, bytes);
      else this.#digest.report(ErrorCode.Internal, 'host is not known', { where: to });
    }
  }

  resolve(to: string): string {
    const destination = this.#find(to);
    if (destination.address === undefined) this.#lookUp(destination);
    return destination.resolved;
  }

  close(): void {
    this.#open = false;
  }

  #find(to: string): Destination {
    let destination = this.#known.get(to);
    if (destination === undefined) {
      destination = this.#read(to);
      this.#known.set(to, destination);
    }
    return destination;
  }

  #read(to: string): Destination {
    const destination: Destination = {
      to,
      ...readHostPort(to),
      address: undefined,
      resolved: to,
      lookedUpAt: Number.NEGATIVE_INFINITY,
      lookingUp: false,
      waiting: [],
      sent: (error) => {
        if (error) this.#failed(destination, error);
      },
    };
    if (destination.host !== undefined && isIP(destination.host) !== 0) this.#learn(destination, destination.host);
    return destination;
  }

  #sendTo({ address, port, sent, to }: Destination, bytes: Uint8Array): void {
    if (this.#socket.getSendQueueSize() > this.#maxQueued) {
      this.#digest.report(ErrorCode.Overloaded, 'packet dropped, too many wait to be sent', { where: to });
      return;
    }
    try {
      this.#socket.send(bytes, 0, bytes.length, port, address, sent);
    } catch (cause) {
      // Node throws for port 0 and the like, where the system would answer.
      this.#digest.report(ErrorCode.BadValue, cause instanceof Error ? cause.message : String(cause), { where: to });
    }
  }

  #failed(destination: Destination, error: NodeJS.ErrnoException): void {
    const where = destination.to;
    switch (error.code) {
      case 'EMSGSIZE':
        this.#digest.report(ErrorCode.BadValue, 'packet is longer than UDP can carry', { where });
        break;
      case 'EACCES':
        this.#digest.report(ErrorCode.Forbidden, 'sending there is not allowed (broadcast needs the option)', {
          where,
        });
        break;
      default:
        this.#digest.report(ErrorCode.Internal, `cannot be reached (${error.code ?? error.message})`, { where });
        this.#lookUp(destination);
    }
  }

  #lookUp(destination: Destination): void {
    const { host, to } = destination;
    const now = this.#scheduler.now();
    const tooEarly = now - destination.lookedUpAt < LOOKUP_PAUSE;
    if (host === undefined || isIP(host) !== 0 || destination.lookingUp || tooEarly) return;
    destination.lookingUp = true;
    destination.lookedUpAt = now;
    lookup(host, { all: true }, (error, addresses = []) => {
      destination.lookingUp = false;
      if (!this.#open) return;
      const four = addresses.find(({ family }) => family === 4);
      const found = four ?? (this.#ipv6 ? addresses[0] : undefined);
      const waiting = destination.waiting;
      destination.waiting = [];
      if (found) {
        this.#learn(destination, found.address);
        for (const bytes of waiting) this.#sendTo(destination, bytes);
      } else {
        const reason = error ? `host is not known (${error.code ?? error.message})` : 'host has no IPv4 address';
        this.#digest.report(ErrorCode.Internal, reason, { where: to });
        for (const _ of waiting.slice(1)) this.#digest.report(ErrorCode.Internal, reason, { where: to });
      }
    });
  }

  #learn(destination: Destination, address: string): void {
    destination.address = this.#ipv6 && isIPv4(address) ? `::ffff:${address}` : address;
    destination.resolved = formatHostPort(address, destination.port ?? 0);
  }

  #wait({ waiting, to }: Destination, bytes: Uint8Array): void {
    if (waiting.length === MAX_WAITING) {
      waiting.shift();
      this.#digest.report(ErrorCode.Overloaded, 'packet dropped, its host is still being looked up', { where: to });
    }
    waiting.push(bytes);
  }
}

/** Nothing at all for what is not `host:port`: that is told when somebody sends there. */
function readHostPort(to: string): Partial<HostPort> {
  try {
    return parseHostPort(to);
  } catch {
    return {};
  }
}
