import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import type { Reader, RoundRobin } from '../../operators/round-robin.ts';

/** What a request counts for, in bytes of other input: it takes some fifty times as long as a small message. */
const REQUEST = 4_096;

/**
 * Has requests begin in turns: those of one connection one after the other, as they have to be answered, and none while
 * others have waited for longer. Nothing more is read from a connection whose requests wait. Without this, one that sends
 * thousands without waiting for an answer would keep everybody waiting until all are answered.
 */
export function requestTurns(request: RequestListener, turns: RoundRobin): RequestListener {
  const connections = new WeakMap<Socket, Requests>();
  return (incoming, outgoing) => {
    const { socket } = incoming;
    let requests = connections.get(socket);
    if (!requests) {
      requests = new Requests(socket, turns);
      connections.set(socket, requests);
    }
    const { finished } = requests;
    requests.add(() => {
      outgoing.on('close', finished);
      request(incoming, outgoing);
    });
  };
}

class Requests implements Reader {
  readonly #socket: Socket;
  readonly #turns: RoundRobin;
  readonly #waiting: (() => void)[] = [];
  #answering = false;
  #queued = false;
  #held = false;

  constructor(socket: Socket, turns: RoundRobin) {
    this.#socket = socket;
    this.#turns = turns;
    // `node:http` lets the socket go on after every request that it has taken apart.
    socket.on('resume', () => this.#held && socket.pause());
  }

  add(begin: () => void): void {
    this.#waiting.push(begin);
    this.#hear();
    if (this.#waiting.length === 0) return;
    this.#held = true;
    this.#socket.pause();
  }

  /** Begins one: the next has its turn when this one is answered. */
  read(): boolean {
    this.#queued = false;
    const begin = this.#waiting.shift();
    if (!begin || this.#socket.destroyed) return false;
    this.#answering = true;
    begin();
    this.#turns.over(REQUEST);
    return false;
  }

  readonly finished = (): void => {
    this.#answering = false;
    if (this.#socket.destroyed) {
      this.#waiting.length = 0; // nobody is left to be answered
    } else if (this.#waiting.length > 0) {
      this.#hear();
    } else if (this.#held) {
      this.#held = false;
      this.#socket.resume();
    }
  };

  #hear(): void {
    if (!this.#answering && !this.#queued) this.#queued = this.#turns.hear(this);
  }
}
