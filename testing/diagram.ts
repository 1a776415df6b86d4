/** Something that a stream told at a virtual millisecond. */
export interface Told {
  readonly frame: number;
  readonly notification: { readonly kind: 'N' | 'E' | 'C'; readonly value?: unknown; readonly error?: unknown };
}

/** Enough for what anybody can read; what comes after is told apart by its value only. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Bytes that are written out. */
const MAX_BYTES = 64;

/** Gaps longer than this are written as a time. */
const LONGEST_DASHES = 9;

/** Time that passes in a diagram. */
export function dashes(frames: number): string {
  return frames > LONGEST_DASHES ? ` ${frames}ms ` : '-'.repeat(Math.max(0, frames));
}

/** A letter for each event, in order. */
export function letter(index: number): string {
  return LETTERS[index] ?? '?';
}

/** Values of a diagram, one in a line. */
export function legend(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([name, value]) => `  ${name} = ${shown(value)}`)
    .join('\n');
}

/** Draws what a stream told as a marble diagram; equal values share a letter of `names`, by their text. */
export function draw(told: readonly Told[], names: Map<string, string> = new Map()): string {
  let diagram = '';
  let now = 0;
  for (let first = 0; first < told.length; ) {
    const { frame } = told[first] as Told;
    let marks = '';
    for (; told[first]?.frame === frame; first++) marks += mark(told[first] as Told, names);
    const group = marks.length > 1 ? `(${marks})` : marks;
    diagram += dashes(frame - now) + group;
    now = frame + group.length;
  }
  return diagram || '(nothing)';
}

function mark({ notification }: Told, names: Map<string, string>): string {
  if (notification.kind === 'C') return '|';
  const text = shown(notification.kind === 'E' ? notification.error : notification.value);
  if (notification.kind === 'E') {
    names.set(text, '#');
    return '#';
  }
  // A value that is one letter, as in a diagram without values, stands for itself.
  const own = /^"([a-zA-Z0-9])"$/.exec(text)?.[1];
  const name = own ?? names.get(text) ?? letter(names.size);
  if (own === undefined) names.set(text, name);
  return name;
}

/** A value as text: JSON, with what JSON does not have written out. */
export function shown(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const text = JSON.stringify(value, (_key, some: unknown) => {
    if (typeof some === 'bigint') return `${some}n`;
    if (typeof some === 'number' && !Number.isFinite(some)) return String(some);
    if (!(some instanceof Uint8Array)) return some;
    return `bytes ${some.slice(0, MAX_BYTES).join(' ')}${some.length > MAX_BYTES ? ` … (${some.length})` : ''}`;
  });
  return text ?? String(value);
}
