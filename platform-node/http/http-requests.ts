import type { IncomingMessage, RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { catchError, firstValueFrom, type Observable, type SchedulerLike, throwError, timeout } from 'rxjs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { Reader, RoundRobin } from '../../operators/round-robin.ts';

/** Scheme and authority of a target in absolute form, as a client sends it that takes the relay for a proxy. */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;

/**
 * The path that a request asks for, as it was sent: never decoded or tidied, so that all listeners of a server agree on
 * it. Of a target in absolute form what stands behind the authority, RFC 9112 section 3.2.2.
 */
export function pathOf({ url = '/' }: IncomingMessage): string {
  const target = url.replace(ABSOLUTE, '');
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  return path === '' ? '/' : path;
}

/** The host that a request names: that of a target in absolute form, else the header's. */
export function hostOf({ url = '/', headers }: IncomingMessage): string | undefined {
  return ABSOLUTE.exec(url)?.[1] ?? headers.host;
}

/** What stands behind the `?` of a request's target; empty where nothing does. Takes any target, also one that is no URL. */
export function queryOf({ url = '/' }: IncomingMessage): URLSearchParams {
  const query = url.indexOf('?');
  return new URLSearchParams(query < 0 ? '' : url.slice(query));
}

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
    this.#ready();
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
    this.#turns.spent(REQUEST);
    return false;
  }

  readonly finished = (): void => {
    this.#answering = false;
    if (this.#socket.destroyed) {
      this.#waiting.length = 0; // nobody is left to be answered
    } else if (this.#waiting.length > 0) {
      this.#ready();
    } else if (this.#held) {
      this.#held = false;
      this.#socket.resume();
    }
  };

  #ready(): void {
    if (!this.#answering && !this.#queued) this.#queued = this.#turns.ready(this);
  }
}

export interface AnsweredOptions {
  /** What was asked about: an error that names no address gets this one. */
  readonly address: string;
  readonly scheduler: SchedulerLike;
}

/** Milliseconds that whoever asks over HTTP waits for a relay; one that is there has answered or refused before. */
const PATIENCE = 15_000;

/** What a relay answers. Rejects with its `ClaspError`, and with 502 when it is away: a client would wait until it is back. */
export function answered<T>(answers: Observable<T>, { address, scheduler }: AnsweredOptions): Promise<T> {
  return firstValueFrom(
    answers.pipe(
      timeout({ first: PATIENCE, scheduler, with: () => throwError(() => away(address)) }),
      catchError((cause) => {
        const { code, reason, address: about = address, value } = ClaspError.from(cause, ErrorCode.Internal);
        return throwError(() => new ClaspError(code, reason, { address: about, value, cause }));
      }),
    ),
  );
}

function away(address: string): ClaspError {
  const reason = `no answer from the relay for ${PATIENCE / 1_000} s; ask again later; what was written may still get through`;
  return new ClaspError(ErrorCode.Timeout, reason, { address });
}
