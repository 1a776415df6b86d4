import { createSocket, type Socket } from 'node:dgram';
import { ClaspError, ErrorCode } from '../core/errors.ts';

/**
 * The multicast groups of a socket. Linux lets one socket join `net.ipv4.igmp_max_memberships` groups, 20 unless it was
 * told otherwise, and gives the packets of a group that any socket of the machine has joined to every socket that is
 * bound to the port. So further groups are joined by sockets that do nothing else.
 */
export class MulticastGroups {
  readonly #socket: Socket;
  readonly #isIPv6: boolean;
  readonly #network: string | undefined;
  readonly #more: Socket[] = [];
  #closed = false;

  /** @param network address of the interface on which groups are joined; undefined for the system's choice */
  constructor(socket: Socket, isIPv6: boolean, network: string | undefined) {
    this.#socket = socket;
    this.#isIPv6 = isIPv6;
    this.#network = network;
  }

  /** Joins all, and says when it is done, at once where one socket is enough. Calls `done` with what went wrong. */
  join(groups: readonly string[], done: (failure?: unknown) => void): void {
    this.#joinBy(this.#socket, groups, done);
  }

  /** Closes the sockets beside the one it was given. */
  close(): void {
    this.#closed = true;
    for (const socket of this.#more.splice(0)) socket.close();
  }

  #joinBy(socket: Socket, groups: readonly string[], done: (failure?: unknown) => void): void {
    let joined = 0;
    try {
      for (const group of groups) {
        socket.addMembership(group, this.#network);
        joined++;
      }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOBUFS') done(cause);
      else if (joined === 0) done(tooMany(groups[0] ?? '', cause));
      else this.#goOn(groups.slice(joined), done);
      return;
    }
    done();
  }

  #goOn(groups: readonly string[], done: (failure?: unknown) => void): void {
    const socket = createSocket(this.#isIPv6 ? 'udp6' : 'udp4');
    this.#more.push(socket);
    socket.once('error', done);
    // On a port of its own: what comes to the groups is for the first socket.
    socket.bind(0, () => {
      if (!this.#closed) this.#joinBy(socket, groups, done);
    });
  }
}

function tooMany(group: string, cause: unknown): ClaspError {
  const setting = 'the system allows no more multicast groups (on Linux: sysctl net.ipv4.igmp_max_memberships)';
  return new ClaspError(ErrorCode.Internal, `cannot join ${group}: ${setting}`, { value: group, cause });
}
