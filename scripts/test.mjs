// Every test, on any machine: installs the programs that tests talk to where it may, builds, runs vitest, and says
// in its last lines what was skipped and why. Arguments are vitest's; `--long` tries each property 10 000 times, and
// without other arguments asks afterwards whether the tests notice faults (scripts/mutation.mjs). `--mutation` asks
// only that, and the arguments are its.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const debianPackages = JSON.parse(readFileSync(join(root, 'peers/debian-packages.json'), 'utf8'));
const strict = process.env.CI === 'true';

const long = process.argv.includes('--long');
const onlyMutation = process.argv.includes('--mutation');
const args = process.argv.slice(2).filter((arg) => arg !== '--long' && arg !== '--mutation');
if (long) process.env.FC_RUNS ??= '10000';
const everything = args.length === 0;

/** Whether a command is on the PATH or where Debian puts daemons. */
function has(command) {
  const folders = `${process.env.PATH ?? ''}${delimiter}/usr/sbin${delimiter}/usr/local/sbin`.split(delimiter);
  return folders.some((folder) => existsSync(join(folder, command)));
}

const missingPeers = () => Object.keys(debianPackages).filter((command) => !has(command));
const packagesOf = (commands) => [...new Set(commands.map((command) => debianPackages[command]))];

/** Installs what is missing, if this is a Debian that lets us; what it cannot do shows in the last lines. */
function installPeers() {
  const missing = missingPeers();
  if (missing.length === 0 || !has('apt-get') || process.getuid?.() !== 0) return;
  const packages = packagesOf(missing);
  console.log(`Installing ${packages.join(', ')} for the tests that need ${missing.join(', ')} …`);
  const apt = (...words) =>
    spawnSync('apt-get', ['-qq', '-o', 'Dpkg::Use-Pty=0', ...words], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
  const install = () => apt('install', '-y', '--no-install-recommends', ...packages);
  // Package lists may be absent or old: only then are they fetched.
  if (install().status === 0) return;
  apt('update');
  const { status, stderr } = install();
  if (status !== 0) console.error(`apt-get could not install them:\n${stderr}`);
}

/**
 * Brings better-sqlite3, which a Node without its own SQLite needs: it is compiled where no prebuilt comes, which takes
 * minutes, so that it is no devDependency and is kept in the user's cache for the next time.
 */
function bringSqlite() {
  const place = join(root, 'node_modules/better-sqlite3');
  if (existsSync(place)) return;
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const folder = join(
    cache,
    'clasp-rx',
    `better-sqlite3-${process.versions.modules}-${process.platform}-${process.arch}`,
  );
  const kept = join(folder, 'node_modules/better-sqlite3');
  if (!existsSync(join(kept, 'build/Release/better_sqlite3.node'))) {
    const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const version = peerDependencies['better-sqlite3'];
    console.log(
      'Installing better-sqlite3 for the tests of stored state; where it is compiled this takes two minutes …',
    );
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const { status, stderr } = spawnSync('npm', ['install', '--no-audit', '--no-fund', `better-sqlite3@${version}`], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      shell: process.platform === 'win32',
    });
    if (status !== 0) {
      console.error(`npm could not install better-sqlite3:\n${stderr}`);
      return;
    }
  }
  symlinkSync(kept, place, 'junction');
}

/** Runs a program of ours or of node_modules with our terminal; resolves to whether it succeeded. */
function run(program, ...words) {
  const child = spawn(process.execPath, [join(root, program), ...words], {
    cwd: root,
    stdio: 'inherit',
  });
  const forward = (signal) => child.kill(signal);
  process.on('SIGTERM', forward).on('SIGINT', forward);
  return new Promise((done) => {
    child.on('close', (code) => {
      process.off('SIGTERM', forward).off('SIGINT', forward);
      done(code === 0);
    });
  });
}

/** Whether tests with networks of their own can run; never taken for granted where a missing peer fails. */
const mayMakeNamespaces = strict || process.getuid?.() === 0;

/** Whether a test file, or something of ours that it imports, asks for one of these peers. */
function asksFor(peers, file, seen = new Set([join(root, 'peers/installed.ts')])) {
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  if (peers.some((peer) => text.includes(`installed('${peer}')`))) return true;
  if (!mayMakeNamespaces && text.includes('mayMakeNamespaces()')) return true;
  const imports = [...text.matchAll(/from '(\.[^']+)'/g)];
  return imports.some(([, path]) => asksFor(peers, resolve(dirname(file), path), seen));
}

/** Counts a vitest JSON report; a file that could not run at all counts as one failed test. */
function count(report) {
  const tally = { passed: 0, failed: 0, skipped: 0, skippedIn: new Map() };
  for (const { name, status, assertionResults } of report.testResults) {
    const broken = status === 'failed' && !assertionResults.some((test) => test.status === 'failed');
    if (broken) tally.failed++;
    for (const test of assertionResults) {
      if (test.status === 'passed') tally.passed++;
      else if (test.status === 'failed') tally.failed++;
      else {
        tally.skipped++;
        if (!broken) tally.skippedIn.set(name, (tally.skippedIn.get(name) ?? 0) + 1);
      }
    }
  }
  return tally;
}

/** Says which tests the missing peers cost. False when a test was skipped without such a reason. */
function explainSkips({ skippedIn }) {
  const missing = missingPeers();
  const list = (entries) => entries.map(([file, tests]) => `  ${relative(root, file)} (${tests})`).join('\n');
  const explained = [...skippedIn].filter(([file]) => asksFor(missing, file));
  const unexplained = [...skippedIn].filter(([file]) => !asksFor(missing, file));
  if (!mayMakeNamespaces) console.log('Not root: tests with networks of their own were skipped.');
  if (missing.length > 0) {
    console.log(`Not installed: ${missing.join(', ')}. Install with: apt-get install ${packagesOf(missing).join(' ')}`);
    console.log(
      explained.length > 0 ? `Skipped because of that:\n${list(explained)}` : 'No test was skipped because of that.',
    );
  }
  if (unexplained.length === 0 || !everything) return true;
  console.log(`Skipped although nothing is missing for them:\n${list(unexplained)}`);
  return false;
}

const mutate = (...words) => run('scripts/mutation.mjs', ...words);
if (onlyMutation) process.exit((await mutate(...args)) ? 0 : 1);

const scratch = mkdtempSync(join(tmpdir(), 'clasp-rx-test-'));
const reportFile = join(scratch, 'report.json');
let tally = { passed: 0, failed: 1, skipped: 0, skippedIn: new Map() };
try {
  installPeers();
  bringSqlite();
  let green = await run('node_modules/typescript/bin/tsc', '-b');
  if (!green) console.error('The build failed; no test ran.');
  else {
    green = await run(
      'node_modules/vitest/vitest.mjs',
      'run',
      `--reporter=${join(root, 'scripts/quiet-reporter.mjs')}`,
      '--reporter=json',
      `--outputFile.json=${reportFile}`,
      ...args,
    );
    if (existsSync(reportFile)) tally = count(JSON.parse(readFileSync(reportFile, 'utf8')));
    // Vitest also fails for what no test can be blamed for, such as an unhandled rejection.
    if (!green && tally.failed === 0) tally.failed = 1;
    if (!explainSkips(tally)) green = false;
    if (strict && missingPeers().length > 0) green = false;
  }
  if (green && long && everything) green = await mutate();
  process.exitCode = green ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
