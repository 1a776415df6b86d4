import type { SchedulerLike } from 'rxjs';
import type { Message } from '../../core/message.ts';
import type { BackoffOptions } from '../backoff.ts';

export interface ClientOptions {
  /** What the relay calls this client. @defaultValue 'clasp-rx' */
  readonly name?: string | undefined;
  /** Proves what this client may do. @defaultValue none */
  readonly token?: string | undefined;
  /** What this client says it understands. @defaultValue the five kinds of signal */
  readonly features?: readonly string[] | undefined;
  /** How to wait between attempts; false: one attempt, and the first loss closes the client. @defaultValue `backoff()` */
  readonly reconnect?: Omit<BackoffOptions, 'random' | 'scheduler'> | false | undefined;
  /** Numbers from 0 up to 1, which spread the attempts of many clients. Give `Math.random` where there is one. */
  readonly random?: (() => number) | undefined;
  /** Clock and timer. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
  /**
   * The local time in microseconds, from which relay time is reckoned: best a clock that never steps, with a fine
   * resolution, as `clock` of both platforms is. @defaultValue the scheduler's milliseconds times 1000
   */
  readonly now?: (() => number) | undefined;
  /**
   * Whether to find out the relay's time with SYNC, in 5 rounds after each connect and one every 30 s. Without it what
   * the relay says in its greeting is all that is known. @defaultValue true
   */
  readonly sync?: boolean | undefined;
  /** Requests that may wait for a connection; of the writes to one address only the newest counts. @defaultValue 1000 */
  readonly maxWaiting?: number | undefined;
  /** Sees each message of the relay after WELCOME, a BUNDLE as a whole, before the client acts on it. For tools. @defaultValue none */
  readonly onMessage?: ((message: Message) => void) | undefined;
}
