import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { debounceTime, Observable, switchMap } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';

/** Milliseconds of silence after which a file counts as saved: editors write in several steps. */
const SETTLE = 100;

/**
 * Tells each time that the text of a file has changed and rests. The folder is what is watched: editors put a new file
 * in the place of the old one. Nothing while the file is away. Errors with a `ClaspError` 500 where the system cannot
 * watch.
 */
export function watchFile(path: string): Observable<string> {
  const textOf = () => readFile(path, 'utf8').catch(() => undefined);
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
    // Whatever comes before the first reading is over belongs to what was there.
    let known: string | undefined | Promise<string | undefined> = textOf();
    out.add(
      stirs
        .pipe(
          debounceTime(SETTLE),
          switchMap(async () => [await known, await textOf()] as const),
        )
        .subscribe({
          next: ([before, after]) => {
            if (after === undefined || after === before) return;
            known = after;
            out.next(after);
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
