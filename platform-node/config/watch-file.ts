import { readFileSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { debounceTime, Observable } from 'rxjs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';

/** Milliseconds of silence after which a file counts as saved: editors write in several steps. */
const SETTLE = 100;

/**
 * Tells each time that the text of a file has changed and rests. The folder is what is watched: editors put a new file
 * in the place of the old one. Nothing while the file is away. Errors with a `ClaspError` 500 where the system cannot
 * watch.
 */
export function watchFile(path: string): Observable<string> {
  const textOf = () => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined; // it is away: an editor may be about to put a new one in its place
    }
  };
  const stirs = new Observable<void>((out) => {
    try {
      const watcher = watch(dirname(path), { persistent: false }, () => out.next());
      watcher.on('error', (cause) => out.error(unwatchable(path, cause)));
      return () => watcher.close();
    } catch (cause) {
      out.error(unwatchable(path, cause));
      return undefined;
    }
  });
  return new Observable((out) => {
    // At once: what is saved from now on is a change.
    let known = textOf();
    out.add(
      stirs.pipe(debounceTime(SETTLE, monotonicScheduler)).subscribe({
        next: () => {
          const text = textOf();
          if (text === undefined || text === known) return;
          known = text;
          out.next(text);
        },
        error: (cause) => out.error(cause),
      }),
    );
  });
}

function unwatchable(path: string, cause: unknown): ClaspError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ClaspError(ErrorCode.Internal, `${path} cannot be watched: ${reason}`, { cause });
}
