import { createInterface } from 'node:readline';
import { Observable } from 'rxjs';

/** Standard input, line by line. Reading starts with the subscription and ends with it. */
export const input: Observable<string> = new Observable((out) => {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', (line) => out.next(line));
  lines.on('close', () => out.complete());
  return () => {
    lines.close();
    process.stdin.destroy();
  };
});
