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

/** What the letters of diagrams stand for, by the text of each value. */
export class Letters {
  readonly #names = new Map<string, string>();
  /** Letters that somebody gave a meaning. */
  readonly #taken = new Set<string>();
  readonly #drawn = new Map<string, string>();

  /** Gives a letter its meaning, unless it or the value has one. */
  name(name: string, value: unknown): void {
    const text = shown(value);
    if (this.#taken.has(name)) return;
    this.#taken.add(name);
    if (!this.#names.has(text)) this.#names.set(text, name);
  }

  /** The letter of a value; one that nobody uses where it has none. */
  of(value: unknown): string {
    const text = shown(value);
    let name = this.#names.get(text);
    if (name === undefined) {
      // A value that is one letter, as in a diagram without values, stands for itself.
      const own = /^"([a-zA-Z0-9])"$/.exec(text)?.[1];
      name = own !== undefined && !this.#taken.has(own) ? own : this.#free();
      this.name(name, value);
    }
    if (text !== `"${name}"`) this.#drawn.set(text, name);
    return name;
  }

  /** The sign of a failure. */
  failure(error: unknown): string {
    this.#drawn.set(shown(error), '#');
    return '#';
  }

  /** What was drawn and does not stand for itself, one in a line. */
  legend(): readonly string[] {
    return [...this.#drawn].map(([text, name]) => `  ${name} = ${text}`);
  }

  #free(): string {
    return [...LETTERS].find((one) => !this.#taken.has(one)) ?? '?';
  }
}

/** Draws what a stream told as a marble diagram; equal values share a letter, by their text. */
export function draw(told: readonly Told[], letters: Letters): string {
  let diagram = '';
  let now = 0;
  for (let first = 0; first < told.length; ) {
    const { frame } = told[first] as Told;
    let marks = '';
    for (; told[first]?.frame === frame; first++) marks += mark(told[first] as Told, letters);
    const group = marks.length > 1 ? `(${marks})` : marks;
    diagram += dashes(frame - now) + group;
    now = frame + group.length;
  }
  return diagram || '(nothing)';
}

function mark({ notification }: Told, letters: Letters): string {
  if (notification.kind === 'C') return '|';
  return notification.kind === 'E' ? letters.failure(notification.error) : letters.of(notification.value);
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
