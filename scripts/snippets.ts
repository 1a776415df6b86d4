import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as rxjs from 'rxjs';
import { parseSync } from 'vite';
import { barrels, type PublicName, publicNames, root } from './public-names.ts';

/** A fenced `ts` block of a document or a doc comment. */
export interface Snippet {
  /** The file it stands in, relative to the root. */
  readonly file: string;
  /** Line of its first line of code, counted from 1. */
  readonly line: number;
  readonly code: string;
  /** Marked `ts no-check`: shown, not compiled. */
  readonly unchecked: boolean;
}

/** Modules already looked at, so that many snippets ask for the same names once. */
type Known = Map<string, ReadonlyMap<string, PublicName>>;

const FENCE = /^([ \t]*)```(?:ts|typescript)\b(?:[^\n]*?( no-check))?[^\n]*\n([\s\S]*?)^[ \t]*```[ \t]*$/gm;

/** The snippets of a Markdown text. */
export function snippetsOfMarkdown(file: string, text: string, firstLine = 1): Snippet[] {
  return [...text.matchAll(FENCE)].map(({ 1: indent = '', 2: mark, 3: code = '', index }) => ({
    file,
    line: firstLine + text.slice(0, index).split('\n').length,
    code: code.replace(new RegExp(`^${indent}`, 'gm'), ''),
    unchecked: mark !== undefined,
  }));
}

/** The snippets in the doc comments of a module. */
export function snippetsOfModule(file: string, text: string): Snippet[] {
  return parseSync(file, text)
    .comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*'))
    .flatMap(({ value, start }) => {
      const firstLine = text.slice(0, start).split('\n').length;
      return snippetsOfMarkdown(file, value.replace(/^[ \t]*\*( |$)/gm, ''), firstLine);
    });
}

/**
 * A snippet as a module of its own, to be compiled in a folder of `dist`. One of a doc comment is given imports, on one
 * line before it, of the public names it uses: where two subpaths export the same name, from the one whose folder it
 * stands in. So are names of rxjs, and, for an internal module's examples, what that module exports.
 */
export function asModule({ file, code }: Snippet, known: Known = new Map()): string {
  if (file.endsWith('.md')) return `export {};\n${code}`;
  const used = new Set(code.match(/(?<!\.)\b[A-Za-z_$][\w$]*\b/g));
  const own = topLevelNames(code);
  const imports = subpathsOf(file, known).map(([subpath, names]) => {
    const wanted = [...names].filter((name) => used.has(name) && !own.has(name));
    for (const name of wanted) own.add(name);
    return wanted.length > 0 ? `import { ${wanted.join(', ')} } from '${subpath}'; ` : '';
  });
  return `${imports.join('')}export {};\n${code}`;
}

/** Every snippet of the repository. */
export function allSnippets(): Snippet[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (path) => !/(^|\/)(node_modules|dist|\.git)(\/|$)/.test(path),
  );
  const layers =
    /^(core|operators|sources|sinks|platform-node|platform-browser|testing)\/.*(?<!\.test)\.ts$|^index\.ts$/;
  return files.sort().flatMap((file) => {
    if (/^(README|docs\/.*)\.md$/.test(file)) return snippetsOfMarkdown(file, readFileSync(join(root, file), 'utf8'));
    return layers.test(file) ? snippetsOfModule(file, readFileSync(join(root, file), 'utf8')) : [];
  });
}

/** What each subpath exports, the subpath of the file's own folder first; then the file itself, then rxjs. */
function subpathsOf(file: string, known: Known): [subpath: string, names: Iterable<string>][] {
  const folder = file.split('/')[0] ?? '';
  // Programs of `@clasp-to/core` name what they import; nobody else means that codec by `decodeFrame`.
  const named = [...barrels].filter(([subpath]) => subpath !== 'clasp-rx/compat');
  const nearest = named.sort(([, a], [, b]) => Number(b.startsWith(folder)) - Number(a.startsWith(folder)));
  const namesOf = (path: string) => publicNames(join(root, path), known).keys();
  return [
    ...nearest.map(([subpath, barrel]): [string, Iterable<string>] => [subpath, namesOf(barrel)]),
    [`../${file.replace(/\.ts$/, '.js')}`, namesOf(file)],
    ['rxjs', Object.keys(rxjs)],
  ];
}

/** Names a snippet declares or imports itself. */
function topLevelNames(code: string): Set<string> {
  const { module, program } = parseSync('snippet.ts', code);
  const imported = module.staticImports.flatMap(({ entries }) => entries.map(({ localName }) => localName.value));
  const declared = program.body.flatMap((statement): unknown[] => {
    const inner = 'declaration' in statement && statement.declaration ? statement.declaration : statement;
    if ('declarations' in inner) return inner.declarations.map(({ id }) => id);
    return 'id' in inner ? [inner.id] : [];
  });
  return new Set([...imported, ...declared.flatMap(boundNames)]);
}

/** The names that a binding pattern (`x`, `{ x }`, `[x]`) binds. */
function boundNames(pattern: unknown): string[] {
  if (typeof pattern !== 'object' || pattern === null) return [];
  if ('type' in pattern && pattern.type === 'Identifier' && 'name' in pattern) return [String(pattern.name)];
  if ('properties' in pattern)
    return (pattern.properties as object[]).flatMap((it) => boundNames('value' in it ? it.value : it));
  if ('elements' in pattern) return (pattern.elements as unknown[]).flatMap(boundNames);
  if ('argument' in pattern) return boundNames(pattern.argument);
  return 'left' in pattern ? boundNames(pattern.left) : [];
}
