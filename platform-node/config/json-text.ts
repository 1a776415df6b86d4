import { described, isSecretPath, looksSecret } from './hidden-values.ts';

/** A place in a text, counted from 1. */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** The way to a value: keys and indexes. */
export type ValuePath = readonly (string | number)[];

/** What a JSON text says, and where it says it. */
export interface JsonText {
  readonly value: unknown;
  /**
   * Where the value at a path begins, or with `key` the key that it stands under. Where there is no such value: the
   * nearest one around it.
   */
  at(path: ValuePath, key?: boolean): TextPosition;
}

/** A text is no JSON: what is wrong, and where. */
export class JsonFault extends Error {
  override readonly name = 'JsonFault';
  readonly position: TextPosition;

  constructor(reason: string, position: TextPosition) {
    super(reason);
    this.position = position;
  }
}

interface Place {
  readonly key: number;
  readonly value: number;
}

/** Values inside each other; a text that goes deeper is refused. */
const MAX_DEPTH = 128;

/**
 * Reads JSON and remembers where everything stands. Throws a {@link JsonFault}, in words for people, when it is none;
 * also for a key that is there twice, of which `JSON.parse` would silently drop one.
 */
export function readJsonText(text: string): JsonText {
  const reader = new Reader(text);
  const value = reader.whole();
  return {
    value,
    at(path, key = false) {
      for (let length = path.length; length > 0; length--) {
        const place = reader.places.get(nameOf(path.slice(0, length)));
        if (place) return positionOf(text, key && length === path.length ? place.key : place.value);
      }
      return positionOf(text, reader.start);
    },
  };
}

function nameOf(path: ValuePath): string {
  return JSON.stringify(path);
}

function positionOf(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

class Reader {
  readonly places = new Map<string, Place>();
  start = 0;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    // Editors on Windows put a mark before the text.
    if (text.startsWith('\uFEFF')) this.#at = 1;
  }

  whole(): unknown {
    this.#skip();
    this.start = this.#at;
    const value = this.#value([]);
    this.#skip();
    if (this.#at < this.#text.length) throw this.#fault(`${this.#found()} after the end of the JSON`);
    return value;
  }

  #value(path: ValuePath, key = -1): unknown {
    this.#skip();
    if (path.length > 0) this.places.set(nameOf(path), { key: key < 0 ? this.#at : key, value: this.#at });
    if (path.length > MAX_DEPTH) throw this.#fault(`more than ${MAX_DEPTH} values inside each other`);
    const first = this.#text[this.#at];
    if (first === '{') return this.#object(path);
    if (first === '[') return this.#array(path);
    if (first === '"') return this.#string(path);
    return this.#word(path);
  }

  #object(path: ValuePath): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    const keys = new Set<string>();
    this.#list('}', () => {
      const at = this.#at;
      if (this.#text[at] !== '"') throw this.#fault(`${this.#found()} where a key in double quotes should be`);
      const key = this.#string([]);
      if (keys.has(key)) throw this.#fault(`the key ${JSON.stringify(key)} is there twice`, at);
      keys.add(key);
      this.#skip();
      if (this.#text[this.#at] !== ':') throw this.#fault(`${this.#found()} where ":" should be`);
      this.#at++;
      entries.push([key, this.#value([...path, key], at)]);
    });
    return Object.fromEntries(entries);
  }

  #array(path: ValuePath): unknown[] {
    const items: unknown[] = [];
    this.#list(']', () => void items.push(this.#value([...path, items.length])));
    return items;
  }

  /** What stands between brackets, separated by commas. */
  #list(end: string, item: () => void): void {
    this.#at++;
    this.#skip();
    if (this.#text[this.#at] === end) {
      this.#at++;
      return;
    }
    for (;;) {
      item();
      this.#skip();
      const separator = this.#text[this.#at];
      if (separator !== ',' && separator !== end) throw this.#fault(`${this.#found()} where "," or "${end}" should be`);
      const comma = this.#at;
      this.#at++;
      if (separator === end) return;
      this.#skip();
      if (this.#text[this.#at] === end) throw this.#fault(`a comma before "${end}", where nothing follows`, comma);
    }
  }

  #string(path: ValuePath): string {
    const start = this.#at;
    const token = this.#match(/"(?:[^"\\\n]|\\.)*"/y);
    if (token === undefined) throw this.#fault('text without a closing double quote', start);
    return this.#parsed(token, start, path) as string;
  }

  #word(path: ValuePath): unknown {
    const start = this.#at;
    const token = this.#match(/[^\s,:{}[\]"]+/y);
    if (token === undefined) throw this.#fault(`${this.#found()} where a value should be`);
    if (/^\/[/*]/.test(token))
      throw this.#fault('a comment, which JSON does not have; a .mjs file may have them', start);
    return this.#parsed(token, start, path);
  }

  #parsed(token: string, start: number, path: ValuePath): unknown {
    try {
      return JSON.parse(token);
    } catch {
      const hint = /^'/.test(token) ? '; text stands in double quotes' : '';
      const isSecret = isSecretPath(path) || looksSecret(token.replace(/^['"]/, ''));
      throw this.#fault(`${isSecret ? described(token) : token.slice(0, 40)} is no JSON value${hint}`, start);
    }
  }

  #match(sticky: RegExp): string | undefined {
    sticky.lastIndex = this.#at;
    const [found] = sticky.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  #skip(): void {
    this.#match(/[ \t\r\n]*/y);
    const two = this.#text.slice(this.#at, this.#at + 2);
    if (two === '//' || two === '/*')
      throw this.#fault('a comment, which JSON does not have; a .mjs file may have them');
  }

  #found(): string {
    const character = this.#text[this.#at];
    return character === undefined ? 'the end of the file' : JSON.stringify(character);
  }

  #fault(reason: string, at = this.#at): JsonFault {
    return new JsonFault(reason, positionOf(this.#text, at));
  }
}
