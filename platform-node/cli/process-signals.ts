import { fromEvent, type Observable, Subject } from 'rxjs';

/** Milliseconds after which a second Ctrl-C ends the process at once. */
const IMPATIENCE = 500;

const stopping = new Subject<void>();
const closed = new Subject<void>();

/** Emits at the first Ctrl-C or SIGTERM. */
export const stop: Observable<void> = stopping;
/** Emits when nobody reads stdout any more. */
export const unread: Observable<void> = closed;
/** Emits at each SIGHUP. */
export const hangups: Observable<unknown> = fromEvent(process, 'SIGHUP');

let stopped = Number.POSITIVE_INFINITY;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // npm and some supervisors pass a Ctrl-C on that the terminal has sent already; a later one is meant.
    if (performance.now() - stopped > IMPATIENCE) process.exit(1);
    if (stopped < Number.POSITIVE_INFINITY) return;
    stopped = performance.now();
    stopping.next();
  });
}
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') closed.next();
});
