import { ClaspError, ErrorCode } from '../../errors.ts';

/**
 * The index of the port that `wanted` names: its whole name, else a part of it, in any case of letters. A number that
 * the system adds at the end (` 20:0`) need not be given.
 *
 * Throws a `ClaspError`: 201 when there is none, 402 when there are several; both list the choices.
 *
 * @param kind `'input'` or `'output'`, for the message
 *
 * @example
 * ```ts
 * chooseMidiPort(['Midi Through 14:0', 'nanoKONTROL2 20:0'], 'nanokontrol', 'input'); // 1
 * ```
 */
export function chooseMidiPort(names: readonly string[], wanted: string, kind: string): number {
  const plain = (name: string) => name.toLowerCase().replace(/ \d+:\d+$/, '');
  const exact = names.indexOf(wanted);
  if (exact >= 0) return exact;
  const all = names.map((_, index) => index);
  const same = all.filter((index) => plain(names[index] as string) === plain(wanted));
  const found =
    same.length > 0 ? same : all.filter((index) => names[index]?.toLowerCase().includes(wanted.toLowerCase()));
  if (found.length === 1) return found[0] as number;

  const quoted = JSON.stringify(wanted);
  const list = (indexes: readonly number[]) => indexes.map((index) => JSON.stringify(names[index])).join(', ');
  if (found.length > 1) {
    throw new ClaspError(ErrorCode.BadValue, `${quoted} is the name of several MIDI ${kind}s: ${list(found)}`);
  }
  const choices = names.length > 0 ? `there are ${list(all)}` : 'there is none at all';
  throw new ClaspError(ErrorCode.NotFound, `no MIDI ${kind} is called ${quoted}; ${choices}`);
}
