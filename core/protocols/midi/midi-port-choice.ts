import { ClaspError, ErrorCode } from '../../errors.ts';

/**
 * The index of the port that `wanted` names: its whole name, else a part of it, in any case of letters. A number that
 * the system adds at the end (` 20:0`) need not be given. Where several fit, `#2` after the name is the second of them; `#2` alone is the second of all.
 *
 * Throws a `ClaspError`: 201 when there is none, 402 when there are several; both list the choices, those of one name
 * with their numbers.
 *
 * @param kind `'input'` or `'output'`, for the message
 *
 * @example
 * ```ts
 * chooseMidiPort(['Midi Through 14:0', 'nanoKONTROL2 20:0'], 'nanokontrol', 'input'); // 1
 * chooseMidiPort(['Launchpad', 'Synth', 'Launchpad'], 'Launchpad #2', 'output'); // 2
 * ```
 */
export function chooseMidiPort(names: readonly string[], wanted: string, kind: string): number {
  const whole = fitting(names, wanted);
  // A name may end so itself.
  const [, name = '', number] = whole.length > 0 ? [] : (/^(.*?) *#([1-9]\d{0,3})$/.exec(wanted) ?? []);
  const counted = name === '' ? [...names.keys()] : fitting(names, name);
  const found = number === undefined ? whole : counted.slice(Number(number) - 1, Number(number));
  if (found.length === 1) return found[0] as number;

  const quoted = JSON.stringify(wanted);
  const choosable = midiPortChoices(names);
  const list = (indexes: readonly number[]) => indexes.map((index) => JSON.stringify(choosable[index])).join(', ');
  if (found.length > 1) {
    throw new ClaspError(ErrorCode.BadValue, `${quoted} is the name of several MIDI ${kind}s: ${list(found)}`);
  }
  const choices = names.length > 0 ? `there are ${list([...names.keys()])}` : 'there is none at all';
  throw new ClaspError(ErrorCode.NotFound, `no MIDI ${kind} is called ${quoted}; ${choices}`);
}

/** The ports that a name fits best: exactly, but for case and the system's number, or as a part. */
function fitting(names: readonly string[], wanted: string): readonly number[] {
  const plain = (name: string) => name.toLowerCase().replace(/ \d+:\d+$/, '');
  const ways: readonly ((name: string) => boolean)[] = [
    (name) => name === wanted,
    (name) => plain(name) === plain(wanted),
    (name) => name.toLowerCase().includes(wanted.toLowerCase()),
  ];
  for (const matches of ways) {
    const found = [...names.keys()].filter((index) => matches(names[index] as string));
    if (found.length > 0) return found;
  }
  return [];
}

/** What each port is chosen by: its name, with its number among those of exactly this name where there are several. */
export function midiPortChoices(names: readonly string[]): readonly string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const number = (seen.get(name) ?? 0) + 1;
    seen.set(name, number);
    return names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} #${number}`;
  });
}
