// What is published: the files of the tarball, the names each subpath exports, and that the tarball alone works.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { barrels, root } from './public-names.ts';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const subpaths = [...barrels.keys()];
/** What an application installs too: the peers and what they need; out of our node_modules, so that nothing is fetched. */
const installedBeside = [...Object.keys(manifest.dependencies), 'rxjs', 'tslib', 'fast-check', 'pure-rand'];
let scratch = '';
let files: string[] = [];

/** Runs a command and gives its output; throws with everything it said when it fails. */
function run(cwd: string, command: string, ...args: string[]): string {
  const env = { ...process.env, npm_config_cache: join(scratch, 'cache') };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

beforeAll(() => {
  if (!existsSync(join(root, 'dist/index.js'))) throw new Error('not built: run `npm run build` first');
  scratch = mkdtempSync(join(tmpdir(), 'clasp-rx-pack-'));
  // Without scripts: the build that is there is the one under test.
  const [packed] = JSON.parse(run(root, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', scratch));
  files = packed.files.map(({ path }: { path: string }) => path);
  const beside = Object.fromEntries(installedBeside.map((name) => [name, `file:${join(root, 'node_modules', name)}`]));
  mkdirSync(join(scratch, 'app'));
  writeFileSync(
    join(scratch, 'app/package.json'),
    JSON.stringify({
      private: true,
      type: 'module',
      dependencies: { 'clasp-rx': `file:../${packed.filename}`, ...beside },
      overrides: Object.fromEntries(installedBeside.map((name) => [name, `$${name}`])),
    }),
  );
  run(
    join(scratch, 'app'),
    'npm',
    'install',
    '--offline',
    '--install-links',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
  );
}, 120_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('the tarball', () => {
  it('holds the build, its manifest, licence and documents, and nothing else', () => {
    const rest = files.filter((path) => !/^dist\/([a-z0-9-]+\/)*[a-z0-9-]+(\.d\.ts|\.js)$/.test(path));
    expect(rest.filter((path) => !path.startsWith('docs/')).sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'config.schema.json',
      'package.json',
    ]);
    const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).filter((page) =>
      /\.\w+$/.test(page),
    );
    expect(files.filter((path) => path.startsWith('docs/')).sort()).toEqual(pages.map((page) => `docs/${page}`).sort());
    expect(
      files.filter((path) => /test\b|\.snap$|__snapshots__|bench/.test(path.replace('dist/testing/', ''))),
    ).toEqual([]);
  });

  it('holds every file that package.json points at', () => {
    type Target = string | { readonly [condition: string]: Target };
    const filesOf = (target: Target): string[] =>
      typeof target === 'string' ? [target] : Object.values(target).flatMap(filesOf);
    const targets = filesOf(manifest.exports)
      .concat(Object.values<string>(manifest.bin))
      .map((path) => path.replace('./', ''));
    expect(targets.filter((path) => !files.includes(path))).toEqual([]);
  });

  it('has a page of docs behind every link to one', () => {
    const broken = files
      .filter((path) => path.endsWith('.md'))
      .flatMap((page) =>
        [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, to = '']) => ({
          page,
          to: join(dirname(page), to),
        })),
      )
      // Those to the repository itself are links of the page on the web, which knows it from `repository`.
      .filter(({ to }) =>
        to.startsWith('docs')
          ? !files.some((path) => path === to || path.startsWith(`${to.replace(/\/$/, '')}/`))
          : !existsSync(join(root, to)),
      );
    expect(broken).toEqual([]);
    expect(manifest.repository).toEqual({ type: 'git', url: 'git+https://github.com/clasp-rx/clasp-rx.git' });
  });

  it('satisfies publint', () => {
    const publint = join(root, 'node_modules/publint/src/cli.js');
    const installed = join(scratch, 'app/node_modules/clasp-rx');
    expect(run(root, process.execPath, publint, 'run', installed, '--strict', '--pack', 'false')).toContain('All good');
  });
});

describe('installed beside its peers', () => {
  const app = () => join(scratch, 'app');

  it.each(subpaths)('%s exports these names', (subpath) => {
    const names = run(
      app(),
      process.execPath,
      '-e',
      `import('${subpath}').then((it) => console.log(JSON.stringify(Object.keys(it))))`,
    );
    expect(JSON.parse(names).sort()).toMatchSnapshot();
  });

  it('no name stands for two things, whichever subpath it comes from; the root has ninety values at most', () => {
    // The platforms have the same names for the same thing, each for its host.
    const others = subpaths.filter((subpath) => subpath !== 'clasp-rx/platform-browser');
    const [first, ...told] = run(
      app(),
      process.execPath,
      '-e',
      `const known = new Map();
       (async () => {
         console.log(Object.keys(await import('clasp-rx')).length);
         for (const subpath of ${JSON.stringify(others)})
           for (const [name, value] of Object.entries(await import(subpath)))
             if (!known.has(name)) known.set(name, [subpath, value]);
             else if (!Object.is(known.get(name)[1], value)) console.log(name, known.get(name)[0], subpath);
       })();`,
    )
      .trim()
      .split('\n');
    expect(told).toEqual([]);
    expect(Number(first)).toBeLessThanOrEqual(90);
  });

  it('its types compile in a strict program, in Node and with a bundler', () => {
    const imports = subpaths.map((subpath, index) => `export * as it${index} from '${subpath}';\n`).join('');
    writeFileSync(join(app(), 'program.ts'), imports);
    for (const module of ['nodenext', 'esnext']) {
      const resolution = module === 'esnext' ? 'bundler' : 'nodenext';
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      const options = [
        '--module',
        module,
        '--moduleResolution',
        resolution,
        '--target',
        'es2022',
        '--lib',
        'es2022,dom',
      ];
      run(
        app(),
        process.execPath,
        tsc,
        '--noEmit',
        '--strict',
        '--skipLibCheck',
        '--types',
        '',
        ...options,
        'program.ts',
      );
    }
  });

  it('runs every bridge that needs no package, and says which package another one needs', () => {
    writeFileSync(
      join(app(), 'relay.mjs'),
      `import { createRelay } from 'clasp-rx/platform-node';
       const relay = createRelay({
         port: 0,
         bridges: [
           { type: 'osc', listen: '127.0.0.1:0' },
           { type: 'artnet', listen: '127.0.0.1:0', targets: ['127.0.0.1:9'] },
           { type: 'sacn', listen: '127.0.0.1:0', targets: ['127.0.0.1:9'] },
           { type: 'http', port: 0 },
           { type: 'websocket-json', port: 0 },
         ],
       });
       const { bridges } = await relay.ready;
       await relay.close();
       const told = { ready: bridges.map(({ name }) => name) };
       for (const bridge of [
         { type: 'midi', input: 'none' },
         { type: 'mqtt', url: 'mqtt://127.0.0.1:9' },
         { type: 'mqtt-server', port: 0 },
         { type: 'dmx', port: '/dev/none' },
       ]) {
         const other = createRelay({ port: 0, bridges: [bridge] });
         told[bridge.type] = await other.ready.then(() => 'ready', ({ message }) => message);
         await other.close();
       }
       console.log(JSON.stringify(told));`,
    );
    const told = JSON.parse(run(app(), process.execPath, 'relay.mjs').trim().split('\n').at(-1) ?? '');
    expect(told.ready.sort()).toEqual(['artnet', 'http', 'osc', 'sacn', 'websocket-json']);
    expect(told.midi).toContain('npm install @julusian/midi');
    expect(told.mqtt).toContain('npm install mqtt');
    expect(told['mqtt-server']).toContain('npm install mqtt-packet');
    expect(told.dmx).toContain('npm install serialport');
  });

  it('an async function for simulate is a type error that names simulateAsync', () => {
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const options = ['--module', 'nodenext', '--target', 'es2022', '--strict', '--skipLibCheck', '--types', ''];
    const compile = (name: string, text: string) => {
      writeFileSync(join(app(), name), text);
      const { stdout } = spawnSync(process.execPath, [tsc, '--noEmit', ...options, name], {
        cwd: app(),
        encoding: 'utf8',
      });
      return stdout;
    };
    const program = (build: string) =>
      `import { simulate } from 'clasp-rx/testing';\nconst { made } = simulate(${build}, { seed: 1, until: 1 });\nexport const it: number = made;\n`;
    expect(compile('sync.ts', program('({ time }) => time.now()'))).toBe('');
    const told = compile('async.ts', program('async ({ time }) => time.now()'));
    expect(told).toMatch(/^async\.ts\(2,27\): error .*simulateAsync/ims);
  });

  it('clasp-rx/testing runs without fast-check, and arbitraries say that they need it', () => {
    const bare = join(scratch, 'bare');
    const without = ['fast-check', 'pure-rand'];
    cpSync(join(app(), 'node_modules'), join(bare, 'node_modules'), {
      recursive: true,
      dereference: true,
      filter: (path) => !without.some((name) => path.startsWith(join(app(), 'node_modules', name))),
    });
    writeFileSync(join(bare, 'package.json'), '{"private":true}');
    writeFileSync(
      join(bare, 'test.mjs'),
      `import * as testing from 'clasp-rx/testing';
       const { made } = testing.simulate(({ client, at }) => {
         const heard = [];
         client('stage').on('/a').subscribe(({ value }) => heard.push(value));
         const desk = client('desk');
         at(10, () => desk.set('/a', 1));
         return heard;
       }, { seed: 1, until: 100 });
       const told = {};
       for (const name of ['addresses', 'values', 'signals', 'messages', 'patterns', 'sessions', 'sessionMessages'])
         try { testing[name]() } catch ({ code, reason }) { told[name] = [code, reason] }
       for (const name of ['midiMessages', 'midiStatements', 'oscMessages', 'oscPackets'])
         try { testing[name].map(String) } catch ({ code, reason }) { told[name] = [code, reason] }
       console.log(JSON.stringify({ made, told }));`,
    );
    const { made, told } = JSON.parse(run(bare, process.execPath, 'test.mjs'));
    expect(made).toEqual([1]);
    expect(Object.keys(told)).toHaveLength(11);
    const reason = 'arbitraries need the package fast-check: npm install -D fast-check';
    for (const each of Object.values(told)) expect(each).toEqual([501, reason]);
  });

  it('its command runs', () => {
    expect(run(app(), 'npx', '--no-install', 'clasp-rx', '--help')).toContain('clasp-rx');
  });
});
