import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { expect, it } from 'vitest';

const LIMIT = 20 * 1024;
const FOLDER = fileURLToPath(new URL('.', import.meta.url));

/** Everything a page needs to be a client, and nothing else. */
const ENTRY = `
  export { Clasp, ClaspBuilder } from '${FOLDER}clasp.ts';
  export { webSocketDial } from '${FOLDER}web-socket-dial.ts';
  export { createClient } from '${FOLDER}../operators/client/client.ts';
`;

/** Builds the entry as a project with Vite does, and gives the code with the modules it was made of. */
async function bundle(conditions?: string[]): Promise<{ code: string; modules: string[] }> {
  const outputs = await build({
    root: FOLDER,
    configFile: false,
    logLevel: 'silent',
    resolve: conditions ? { conditions } : {},
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id.endsWith('client-only') ? '\0client-only' : null),
        load: (id) => (id === '\0client-only' ? ENTRY : null),
      },
    ],
    build: {
      write: false,
      minify: true,
      target: 'es2022',
      modulePreload: false,
      rolldownOptions: { input: 'client-only', preserveEntrySignatures: 'strict' },
    },
  });
  const [built] = Array.isArray(outputs) ? outputs : [outputs];
  if (!built || !('output' in built)) throw new Error('nothing was built');
  const chunks = built.output.flatMap((file) => (file.type === 'chunk' ? [file] : []));
  return {
    code: chunks.map(({ code }) => code).join(''),
    modules: chunks.flatMap(({ modules }) => Object.keys(modules)),
  };
}

const gzipped = (code: string): number => gzipSync(code, { level: 9 }).length;

it('a page that is only a client loads at most 20 KB of gzipped code, either build of rxjs included', async () => {
  // RxJS ships twice: a bundler takes the older build (ES5) unless it is told to take the condition `es2015`.
  const modern = await bundle(['es2015', 'browser', 'module', 'import', 'default']);
  const older = await bundle();
  const sizes = [modern, older].map(({ code }) => `${gzipped(code)} bytes gzipped (${code.length} minified)`);
  process.stdout.write(`client bundle: ${sizes[0]}; with the ES5 build of rxjs ${sizes[1]}\n`);

  expect(gzipped(modern.code)).toBeLessThanOrEqual(LIMIT);
  expect(gzipped(older.code)).toBeLessThanOrEqual(LIMIT);
  for (const foreign of ['message-pack', 'router.ts', 'pattern-trie.ts', 'node_modules/ws']) {
    expect(modern.modules.filter((id) => id.includes(foreign))).toEqual([]);
  }
});
