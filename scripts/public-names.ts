import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from 'vite';

/** The repository's root folder. */
export const root: string = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What package.json says of a subpath: a file, or one for each condition. */
type Target = string | { readonly [condition: string]: Target };

/** The source file behind each subpath of the package, that for Node: `clasp-rx/operators` → `operators/index.ts`. */
export const barrels: ReadonlyMap<string, string> = new Map(
  Object.entries(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).exports as Record<string, Target>)
    .filter(([, target]) => typeof target === 'object')
    .map(([subpath, target]) => [
      subpath.replace('.', 'clasp-rx'),
      typesOf(target)
        .replace('./dist/', '')
        .replace(/\.d\.ts$/, '.ts'),
    ]),
);

function typesOf(target: Target): string {
  if (typeof target === 'string') return target;
  const chosen = target['node'] ?? target['types'];
  if (chosen === undefined) throw new Error('a subpath without types');
  return typesOf(chosen);
}

/** One name that a module exports. */
export interface PublicName {
  /** Where it is declared. */
  readonly file: string;
  /** Whether a doc comment stands before its declaration, or before every member of an interface. */
  readonly documented: boolean;
}

/** What a module of ours exports, followed through `export … from` to where each name is declared. */
export function publicNames(
  file: string,
  known: Map<string, ReadonlyMap<string, PublicName>> = new Map(),
): ReadonlyMap<string, PublicName> {
  const before = known.get(file);
  if (before) return before;
  const names = new Map<string, PublicName>();
  // Before it is filled, so that a cycle ends here; the lint reports it.
  known.set(file, names);
  if (!existsSync(file)) return names;
  const text = readFileSync(file, 'utf8');
  const { module, comments, program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);

  const documentedAt = (start: number): boolean =>
    comments.some(
      ({ type, value, start: from, end }) =>
        type === 'Block' &&
        value.startsWith('*') &&
        // Between the comment and what it describes there may be line comments, but no code.
        end <= start &&
        from < start &&
        text
          .slice(end, start)
          .replace(/\/\/.*/g, '')
          .trim() === '',
    );
  const declared = (name: string): PublicName => {
    const declarations = program.body.filter((node) => declares(node, name));
    const documented = declarations.some((node) => {
      const members = membersOf(node);
      return documentedAt(node.start) || (members.length > 0 && members.every(({ start }) => documentedAt(start)));
    });
    return { file, documented };
  };
  const from = (specifier: string): ReadonlyMap<string, PublicName> =>
    publicNames(resolve(dirname(file), specifier), known);
  const imported = (local: string): PublicName | undefined => {
    for (const { moduleRequest, entries } of module.staticImports) {
      const entry = entries.find(({ localName }) => localName.value === local);
      if (entry && moduleRequest.value.startsWith('.'))
        return from(moduleRequest.value).get(entry.importName.name ?? '');
    }
    return undefined;
  };

  for (const { moduleRequest, importName, exportName, localName } of module.staticExports.flatMap((it) => it.entries)) {
    if (!moduleRequest) {
      const local = localName.name ?? '';
      names.set(exportName.name ?? '', imported(local) ?? declared(local));
    } else if (!moduleRequest.value.startsWith('.')) {
      names.set(exportName.name ?? '', { file, documented: true });
    } else if (importName.kind === 'AllButDefault') {
      for (const [name, where] of from(moduleRequest.value)) names.set(name, where);
    } else {
      const where = from(moduleRequest.value).get(importName.name ?? '');
      names.set(exportName.name ?? '', where ?? { file, documented: false });
    }
  }
  return names;
}

/** The members of an interface; of everything else none. */
function membersOf(statement: object): { start: number }[] {
  const inner = inside(statement);
  return 'type' in inner && inner.type === 'TSInterfaceDeclaration' && 'body' in inner
    ? (inner.body as { body: { start: number }[] }).body
    : [];
}

/** A declaration without the `export` around it. */
const inside = (statement: object): object =>
  'declaration' in statement && statement.declaration ? (statement.declaration as object) : statement;

/** Whether a top-level statement declares `name`, exported or not. */
function declares(statement: object, name: string): boolean {
  const inner = inside(statement);
  const named = (node: unknown): boolean => (node as { id?: { name?: string } }).id?.name === name;
  return 'declarations' in inner ? (inner.declarations as unknown[]).some(named) : named(inner);
}
