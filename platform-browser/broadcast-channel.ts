import { Observable, type SchedulerLike, type Subscription } from 'rxjs';
import type { Connection, Connections } from '../core/connection/connection.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { onPageLeave } from './page-leave.ts';
import { asPosted, PostedConnection, type PostedOptions, posted } from './posted-connection.ts';
import { postedTurns } from './posted-turns.ts';

/** Bounds of a connection over BroadcastChannel, and the name under which tabs find each other. */
export interface BroadcastChannelOptions extends Omit<PostedOptions, 'ended'> {
  /** The channel's name, the same in the relay's tab and in those that join. @defaultValue 'clasp' */
  readonly name?: string;
  /** Milliseconds of silence after which a tab counts as gone. @defaultValue 5000 */
  readonly heartbeat?: number;
  /** Milliseconds the handshake may take. @defaultValue 3000 */
  readonly timeout?: number;
  /** Timer of the handshake and heartbeat. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
  /** Makes the ids of connections. @defaultValue `crypto.randomUUID`, or as random where the page is not secure */
  readonly randomId?: () => string;
}

/**
 * Accepts the tabs of this browser (same origin) that join with {@link broadcastChannelDial}. Each connection has a
 * channel of its own, so its frames wake no other tab. Never completes nor errors; unsubscribing closes every
 * connection. A tab that closes says so; one that crashed ends with 502 after `heartbeat`.
 *
 * @example
 * ```ts
 * broadcastChannelListener({ name: 'show' }).subscribe(({ id, incoming }) =>
 *   incoming.subscribe({ next: (frame) => console.log(id, frame.length), error: () => console.log(id, 'gone') }),
 * );
 * ```
 */
export function broadcastChannelListener(options: BroadcastChannelOptions = {}): Connections {
  const { name = 'clasp', timeout = 3_000, scheduler = monotonicScheduler, randomId = anyId } = options;
  const { turns = postedTurns() } = options;

  return new Observable<Connection>((subscriber) => {
    const hall = new BroadcastChannel(name);
    const closing = new Set<() => void>();

    /** Offers a tab a channel of its own; it is a connection when the tab has opened it. */
    const offer = (to: string) => {
      const room = `${name}:${randomId()}`;
      const channel = new BroadcastChannel(room);
      const withdraw = () => {
        patience.unsubscribe();
        closing.delete(withdraw);
        channel.close();
      };
      const patience = scheduler.schedule(withdraw, timeout);
      const opened = (event: MessageEvent) => {
        if (asPosted(event.data)?.kind !== 'open') return;
        channel.removeEventListener('message', opened);
        patience.unsubscribe();
        closing.delete(withdraw);
        const close = () => connection.complete();
        const connection = overChannel(channel, room, { ...options, turns }, () => closing.delete(close));
        closing.add(close);
        subscriber.next(connection);
      };
      closing.add(withdraw);
      channel.addEventListener('message', opened);
      hall.postMessage(posted({ kind: 'accept', id: to, channel: room }));
    };

    hall.addEventListener('message', ({ data }) => {
      const message = asPosted(data);
      if (message?.kind === 'connect') offer(message.id);
    });
    return () => {
      hall.close();
      for (const close of [...closing]) close();
    };
  });
}

/**
 * Joins the relay that runs in another tab of this browser, behind {@link broadcastChannelListener}: each subscription
 * asks once and emits the connection when a relay answered; unsubscribing closes it. Completes when it ended cleanly
 * or on this side; errors with 502 when no relay answers or its tab is gone, and with the reason it was closed with,
 * so that `retry({ delay })` joins again. Where two relays answer, the first one is taken.
 *
 * @example
 * ```ts
 * broadcastChannelDial({ name: 'show' })
 *   .pipe(retry({ delay: 1_000 }))
 *   .subscribe(({ incoming }) => incoming.subscribe({ next: (frame) => console.log(frame.length), error: console.warn }));
 * ```
 */
export function broadcastChannelDial(options: BroadcastChannelOptions = {}): Connections {
  const { name = 'clasp', timeout = 3_000, scheduler = monotonicScheduler, randomId = anyId } = options;

  return new Observable<Connection>((subscriber) => {
    const hall = new BroadcastChannel(name);
    const id = randomId();
    let connection: PostedConnection | undefined;
    const unanswered = () =>
      subscriber.error(new ClaspError(ErrorCode.Timeout, `no relay answers on "${name}" within ${timeout} ms`));
    const patience: Subscription = scheduler.schedule(unanswered, timeout);

    hall.addEventListener('message', ({ data }) => {
      const message = asPosted(data);
      if (message?.kind !== 'accept' || message.id !== id || !message.channel) return;
      patience.unsubscribe();
      hall.close();
      const channel = new BroadcastChannel(message.channel);
      connection = overChannel(channel, message.channel, options, (failure) =>
        failure ? subscriber.error(failure) : subscriber.complete(),
      );
      channel.postMessage(posted({ kind: 'open' }));
      subscriber.next(connection);
    });
    hall.postMessage(posted({ kind: 'connect', id }));

    return () => {
      patience.unsubscribe();
      hall.close();
      connection?.complete();
    };
  });
}

function overChannel(
  channel: BroadcastChannel,
  room: string,
  options: BroadcastChannelOptions,
  ended: NonNullable<PostedOptions['ended']>,
): PostedConnection {
  const { name = 'clasp', heartbeat = 5_000 } = options;
  const stopWatching = onPageLeave(() => connection.abandon('the page is left'));
  const connection: PostedConnection = new PostedConnection(room, `broadcast-channel ${name}`, channel, {
    ...options,
    heartbeat,
    ended: (failure) => {
      stopWatching();
      ended(failure);
    },
  });
  channel.addEventListener('message', ({ data }) => {
    const message = asPosted(data);
    if (message) connection.receive(message);
  });
  return connection;
}

function anyId(): string {
  const random = crypto.getRandomValues(new Uint32Array(4));
  return Array.from(random, (part) => part.toString(16).padStart(8, '0')).join('');
}
