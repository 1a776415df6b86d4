import { checkAddress, checkPattern } from '../../core/address/address.ts';
import { UsageError } from './command.ts';

/** The first word, which must be an address; else a {@link UsageError}. */
export function addressOf(args: readonly string[]): string {
  return checked(args[0] ?? '', checkAddress);
}

/** The first word, which must be a pattern; else a {@link UsageError}. */
export function patternOf(args: readonly string[]): string {
  return checked(args[0] ?? '', checkPattern);
}

function checked(word: string, check: typeof checkAddress): string {
  const fault = check(word);
  if (fault) throw new UsageError(fault.reason);
  return word;
}
