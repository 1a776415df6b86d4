import { Observable, type SchedulerLike, Subscription } from 'rxjs';
import type { ClientStatus } from '../../core/client/client.ts';
import type { Connection, Connections } from '../../core/connection/connection.ts';
import { ClaspError } from '../../core/errors.ts';
import { encodeMessage } from '../../core/wire/encode.ts';
import type { ErrorMessage, HelloMessage, WelcomeMessage } from '../../core/wire/message.ts';
import type { decodeRelayFrame, RelayMessage } from '../../core/wire/relay-frame.ts';

export interface ClientLinkOptions {
  /** Runs one session over a connection: emits when welcomed, errors when it is over. */
  readonly session: (connection: Connection) => Observable<void>;
  /** How long to wait before attempt 1, 2, 3 … since the last session; undefined: not at all, give up. */
  readonly wait: ((attempt: number) => number) | undefined;
  readonly scheduler: SchedulerLike;
  readonly tell: (status: ClientStatus) => void;
}

/** What the next attempt would meet again: refusals of the relay, and a URL that is none. */
const FINAL: readonly number[] = [102, 300, 301, 302, 402];

/**
 * Keeps one session running over whatever `connections` gives: subscribes again when a session has ended or none came
 * about, and never gives up, unless the relay refuses this client (102, 300, 301, 302), the URL is none (402), or reconnecting is off. Then it
 * errors with the reason, undefined when the connection was just closed.
 */
export function clientLink(connections: Connections, options: ClientLinkOptions): Observable<never> {
  const { session, wait, scheduler, tell } = options;

  return new Observable((out) => {
    /** Attempts since the last session, and those of them that failed. */
    let attempt = 0;
    let failures = 0;
    let trying: Subscription;

    const connect = () => {
      trying = new Subscription();
      out.add(trying);
      tell({ state: 'connecting', attempt: ++attempt });
      let current: Subscription | undefined;
      trying.add(
        connections.subscribe({
          next: (connection) => {
            current?.unsubscribe();
            current = session(connection).subscribe({ next: succeed, error: fail });
            trying.add(current);
          },
          error: (cause) => fail(ClaspError.from(cause, 503)),
          // A session may outlive what it came from; its end is heard from itself.
          complete: () => {
            if (!current || current.closed) fail(new ClaspError(503, 'no connection'));
          },
        }),
      );
    };
    const succeed = () => {
      attempt = 0;
      failures = 0;
    };
    const fail = (reason: ClaspError | undefined) => {
      if (trying.closed) return;
      trying.unsubscribe();
      if (!wait || (reason && FINAL.includes(reason.code))) {
        out.error(reason);
        return;
      }
      const retryInMs = wait(++failures);
      tell({ state: 'disconnected', reason, retryInMs });
      // `later`, written out: that is less to load for a page.
      out.add(
        scheduler.schedule(function () {
          this.unsubscribe();
          connect();
        }, retryInMs),
      );
    };
    connect();
  });
}

export interface ClientSessionOptions {
  readonly hello: HelloMessage;
  readonly scheduler: SchedulerLike;
  readonly decode: typeof decodeRelayFrame;
  /** The relay has accepted; frames can be sent from now on. */
  readonly welcomed: (welcome: WelcomeMessage, send: (frame: Uint8Array) => void) => void;
  /** The ERROR that came instead of WELCOME. */
  readonly refused: (error: ClaspError) => void;
  /** A message that came after WELCOME. */
  readonly received: (message: RelayMessage, timestamp: number | undefined) => void;
  /** A frame that could not be understood. The session goes on. */
  readonly misunderstood: (error: ClaspError) => void;
  /** Whether the way to the relay is congested. */
  readonly saturated: (saturated: boolean) => void;
  /** The session that was welcomed is over; nothing can be sent any more. */
  readonly left: () => void;
}

/** Milliseconds in which WELCOME must come. */
const WELCOME_TIMEOUT = 10_000;

/**
 * The client's side of one session: HELLO, WELCOME, then the relay's messages.
 *
 * Emits once, when welcomed. Never completes; errors when it is over: with the relay's refusal, with what the
 * connection failed with, with 502 when WELCOME does not come within 10 s, or with undefined when the connection was
 * closed cleanly. Unsubscribing closes the connection.
 */
export function clientSession(connection: Connection, options: ClientSessionOptions): Observable<void> {
  const { hello, scheduler, decode, welcomed, refused, received, misunderstood, saturated, left } = options;
  const send = (frame: Uint8Array) => connection.outgoing.next(frame);

  return new Observable((out) => {
    let accepted = false;

    const leave = () => {
      if (!accepted) return;
      accepted = false;
      left();
    };
    const end = (reason: ClaspError | undefined) => {
      leave();
      out.error(reason);
    };
    const greet = (message: RelayMessage) => {
      if (message.type === 'WELCOME') {
        accepted = true;
        deadline.unsubscribe();
        welcomed(message, send);
        out.next();
      } else if (message.type === 'ERROR') {
        const error = relayError(message);
        refused(error);
        end(error);
      }
    };

    const deadline = scheduler.schedule(() => end(new ClaspError(502, 'no WELCOME within 10 s')), WELCOME_TIMEOUT);
    out.add(deadline);
    out.add(connection.saturated.subscribe(saturated));
    out.add(
      connection.incoming.subscribe({
        next: (bytes) => {
          let decoded: ReturnType<typeof decodeRelayFrame>;
          try {
            decoded = decode(bytes);
          } catch (cause) {
            misunderstood(ClaspError.from(cause, 100));
            return;
          }
          if (accepted) received(decoded.message, decoded.timestamp);
          else greet(decoded.message);
        },
        error: (cause) => end(ClaspError.from(cause, 503)),
        complete: () => end(undefined),
      }),
    );
    out.add(() => {
      leave();
      connection.outgoing.complete();
    });
    if (!out.closed) send(encodeMessage(hello));
  });
}

/** What an ERROR says; the message itself is its cause. */
export function relayError(message: ErrorMessage): ClaspError {
  return new ClaspError(message.code, message.message, { address: message.address, cause: message });
}

/** The ERROR of the relay that an error came from; undefined when it came from elsewhere. */
export function errorMessageOf({ cause }: ClaspError): ErrorMessage | undefined {
  const message = cause as ErrorMessage | undefined;
  return message?.type === 'ERROR' ? message : undefined;
}
