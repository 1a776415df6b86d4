import { Observable, type SchedulerLike } from 'rxjs';
import type { Connection } from '../../core/connection.ts';
import { ClaspError } from '../../core/errors.ts';
import type { ErrorMessage, HelloMessage, WelcomeMessage } from '../../core/message.ts';
import type { decodeRelayFrame, RelayMessage } from '../../core/wire/client-decode.ts';
import { encodeClientMessage } from '../../core/wire/client-encode.ts';

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
    if (!out.closed) send(encodeClientMessage(hello));
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
