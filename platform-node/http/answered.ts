import { catchError, firstValueFrom, type Observable, type SchedulerLike, throwError, timeout } from 'rxjs';
import { ClaspError, ErrorCode } from '../../core/errors.ts';

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
