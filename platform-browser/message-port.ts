import { Observable, type SchedulerLike } from 'rxjs';
import type { Connection, Connections } from '../core/connection/connection.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { onPageLeave } from './page-leave.ts';
import { asPosted, PostedConnection, type PostedOptions, posted } from './posted-connection.ts';
import { postedTurns } from './posted-turns.ts';

/** Bounds of a connection over a MessagePort. */
export interface MessagePortOptions extends Omit<PostedOptions, 'ended'> {
  /** For logs. @defaultValue 'message-port' */
  readonly id?: string;
  /**
   * Milliseconds of silence after which the peer counts as gone; 0 relies on the port's `close` event, which browsers
   * send when the page at the other end goes, except older ones. @defaultValue 0
   */
  readonly heartbeat?: number;
}

/**
 * A connection over a MessagePort whose other end is in another window, iframe, worker or thread, as a
 * `messagePortConnection` too. Frames are cloned, not transferred. When the other end vanishes it errors with 502.
 *
 * @example
 * ```ts
 * const { port1, port2 } = new MessageChannel();
 * messagePortConnection(port1).incoming.subscribe((frame) => console.log(frame.length));
 * messagePortConnection(port2).outgoing.next(new Uint8Array(3));
 * ```
 */
export function messagePortConnection(port: MessagePort, options: MessagePortOptions = {}): Connection {
  return overPort(port, options, undefined);
}

function overPort(port: MessagePort, options: MessagePortOptions, ended: PostedOptions['ended']): PostedConnection {
  const stopWatching = onPageLeave(() => connection.abandon('the page is left'));
  const connection: PostedConnection = new PostedConnection(options.id ?? 'message-port', 'message port', port, {
    ...options,
    ended: (failure) => {
      stopWatching();
      ended?.(failure);
    },
  });
  port.addEventListener('message', ({ data }) => {
    const message = asPosted(data);
    if (message) connection.receive(message);
  });
  port.addEventListener('close', () => connection.lose('connection lost'));
  port.start();
  return connection;
}

/** What hears the request of a {@link messagePortDial}: a window, a worker's global scope, a `Worker`, a MessagePort. */
export interface MessageEventTarget {
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}

export interface MessagePortListenerOptions extends MessagePortOptions {
  /** Where requests arrive; in a page that holds iframes: `window`. */
  readonly target: MessageEventTarget;
  /** The origins that may connect, `'*'` for any. @defaultValue the page's own */
  readonly origin?: string | readonly string[];
}

/**
 * Accepts iframes, windows and workers that connect with {@link messagePortDial}. Never completes nor errors;
 * unsubscribing closes every connection. A request from another origin is left unanswered.
 *
 * @example
 * ```ts
 * messagePortListener({ target: self }).subscribe(({ id, incoming }) =>
 *   incoming.subscribe({ next: (frame) => console.log(id, frame.length), error: () => console.log(id, 'gone') }),
 * );
 * ```
 */
export function messagePortListener(options: MessagePortListenerOptions): Connections {
  const { target, id = 'message-port', origin = globalThis.origin ?? '', turns = postedTurns() } = options;
  const origins = typeof origin === 'string' ? [origin] : origin;

  return new Observable<Connection>((subscriber) => {
    const open = new Set<Connection>();
    let accepted = 0;
    const hear = (event: MessageEvent) => {
      const [port] = event.ports;
      if (!port || asPosted(event.data)?.kind !== 'connect') return;
      // Workers and ports of one's own send no origin.
      if (event.origin && !origins.includes('*') && !origins.includes(event.origin)) return;
      const name = `${id}-${++accepted}`;
      const connection = overPort(port, { ...options, turns, id: name }, () => open.delete(connection));
      open.add(connection);
      port.postMessage(posted({ kind: 'accept', id: name }));
      subscriber.next(connection);
    };
    target.addEventListener('message', hear);
    return () => {
      target.removeEventListener('message', hear);
      for (const connection of open) connection.outgoing.complete();
    };
  });
}

/** What a request can be posted to, with a port: a window, a `Worker`, a worker's global scope. */
export interface MessagePostTarget {
  postMessage(message: unknown, options: { targetOrigin?: string; transfer?: Transferable[] }): void;
}

export interface MessagePortDialOptions extends MessagePortOptions {
  /** Where a {@link messagePortListener} listens; in an iframe: `window.parent`. */
  readonly target: MessagePostTarget;
  /** The origin that `target` must have when it is a window, `'*'` for any. @defaultValue the page's own */
  readonly targetOrigin?: string;
  /** Milliseconds to wait for the answer. @defaultValue 3000 */
  readonly timeout?: number;
  /** Timer of the above. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/**
 * Connects to the relay behind a {@link messagePortListener}: each subscription asks once and emits the connection when
 * it was accepted; unsubscribing closes it. Completes when it ended cleanly or on this side; errors with 502 when
 * nobody answers or the other end vanished, and with the reason it was closed with, so that `retry({ delay })` reconnects.
 *
 * @example
 * ```ts
 * messagePortDial({ target: self.parent })
 *   .pipe(retry({ delay: 1_000 }))
 *   .subscribe(({ incoming }) => incoming.subscribe({ next: (frame) => console.log(frame.length), error: console.warn }));
 * ```
 */
export function messagePortDial(options: MessagePortDialOptions): Connections {
  const { target, targetOrigin = globalThis.origin, timeout = 3_000, scheduler = monotonicScheduler } = options;

  return new Observable<Connection>((subscriber) => {
    const { port1, port2 } = new MessageChannel();
    let connection: PostedConnection | undefined;
    const unanswered = () => subscriber.error(new ClaspError(ErrorCode.Timeout, `no answer within ${timeout} ms`));
    const patience = scheduler.schedule(unanswered, timeout);

    port1.addEventListener('message', ({ data }) => {
      if (connection || asPosted(data)?.kind !== 'accept') return;
      patience.unsubscribe();
      connection = overPort(port1, options, (failure) => (failure ? subscriber.error(failure) : subscriber.complete()));
      subscriber.next(connection);
    });
    port1.start();
    target.postMessage(posted({ kind: 'connect', id: options.id ?? 'message-port' }), {
      targetOrigin,
      transfer: [port2],
    });

    return () => {
      patience.unsubscribe();
      if (connection) connection.complete();
      else port1.close();
    };
  });
}
