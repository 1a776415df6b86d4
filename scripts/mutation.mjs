// Do the tests notice when the code is wrong? Changes one place of core or operators at a time in a copy of the tree
// and runs the tests that import it, nearest first. What no test notices is printed, and a score per folder.
//   node scripts/mutation.mjs [--sample N] [--seed S] [--workers N] [PATH …]
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseSync } from 'vite';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string', default: '150' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
  },
});
const paths = positionals.length > 0 ? positionals : ['core', 'operators'];

/** Tests outside these folders wait for sockets, brokers and browsers: too slow to run for every place. */
const JUDGES = ['core/', 'operators/', 'sources/', 'sinks/', 'testing/'];
/** How long the tests may take, in ms, that run for a place besides its own and those that import it themselves. */
const TIME_PER_PLACE = 30_000;
/** How long all of the tests may take, in ms, before anything is changed. */
const REHEARSAL_LIMIT = 1_800_000;
/** How long tests may take, in ms, that take `usual` with nothing changed: past it they have met an endless loop. */
const timeLimit = (usual) => 60_000 + 5 * usual;

const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter(Boolean);
const isSource = (file) => /\.ts$/.test(file) && !/(\.test|\.d|\/index|\/tsconfig)\.ts$/.test(file);
const isTest = (file) => file.endsWith('.test.ts') && JUDGES.some((folder) => file.startsWith(folder));

// --- places ---

const SWAPS = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
  '&': '|',
  '|': '&',
  '<<': '>>',
  '>>': '<<',
  '>>>': '<<',
  '&&': '||',
  '||': '&&',
  '+=': '-=',
  '-=': '+=',
  '++': '--',
  '--': '++',
};

/** Every way to make this file wrong in one place: what is written there, and what is written instead. */
function mutants(file, text) {
  const found = [];
  const change = (start, end, instead) => found.push({ file, start, end, was: text.slice(start, end), instead });
  /** Swaps the operator that stands between two operands. */
  const swap = (operator, from, to) => {
    const at = text.indexOf(operator, from);
    if (operator in SWAPS && at >= 0 && at < to) change(at, at + operator.length, SWAPS[operator]);
  };
  const visit = {
    BinaryExpression: ({ operator, left, right }) => swap(operator, left.end, right.start),
    LogicalExpression({ operator, left, right, end }) {
      if (operator === '??') change(left.end, end, '');
      else swap(operator, left.end, right.start);
    },
    AssignmentExpression: ({ operator, left, right }) => swap(operator, left.end, right.start),
    UpdateExpression: ({ operator, start, end }) => swap(operator, start, end),
    UnaryExpression({ operator, start }) {
      if (operator === '!' || operator === '-') change(start, start + 1, operator === '!' ? '!!' : '+');
    },
    IfStatement({ test }) {
      change(test.start, test.end, 'true');
      change(test.start, test.end, 'false');
    },
    ConditionalExpression({ test }) {
      change(test.start, test.end, 'true');
      change(test.start, test.end, 'false');
    },
    WhileStatement: ({ test }) => change(test.start, test.end, 'false'),
    Literal({ value, start, end }) {
      if (typeof value === 'boolean') change(start, end, String(!value));
    },
    ExpressionStatement({ expression, start, end }) {
      const inner = expression.type === 'ChainExpression' ? expression.expression : expression;
      const isDelete = inner.type === 'UnaryExpression' && inner.operator === 'delete';
      if (isDelete || (inner.type === 'CallExpression' && inner.callee.type !== 'Super')) change(start, end, ';');
    },
    ContinueStatement: ({ start, end }) => change(start, end, ';'),
  };
  /** Types are not run; what stands below an assertion is. */
  const run = new Set(['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression']);
  const walk = (node) => {
    if (Array.isArray(node)) for (const part of node) walk(part);
    else if (node && typeof node.type === 'string' && (run.has(node.type) || !node.type.startsWith('TS'))) {
      visit[node.type]?.(node);
      for (const key in node) if (typeof node[key] === 'object') walk(node[key]);
    }
  };
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file} is no TypeScript: ${errors[0].message}`);
  walk(program);
  return found.map((mutant) => ({ ...mutant, line: text.slice(0, mutant.start).split('\n').length }));
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function sample(all, size, seed) {
  const random = chance(seed);
  const rest = [...all];
  const chosen = [];
  while (chosen.length < size && rest.length > 0) {
    chosen.push(...rest.splice(Math.floor(random() * rest.length), 1));
  }
  return chosen;
}

// --- which tests see a file ---

/** By file: what imports it. */
const importers = new Map();
for (const file of tracked.filter((name) => name.endsWith('.ts'))) {
  const text = readFileSync(join(root, file), 'utf8');
  for (const [, path] of text.matchAll(/(?:from|import)\s*\(?'(\.[^']+)'/g)) {
    const imported = posix.join(posix.dirname(file), path);
    if (!importers.has(imported)) importers.set(imported, new Set());
    importers.get(imported).add(file);
  }
}

/** By test: how long it took with nothing changed, in ms. What fails in the copy, where nothing is built, is not here. */
const durations = new Map();

/** The tests that import a file, from those that do so themselves to those that do so through many others. */
function testsOf(file) {
  const rings = [];
  const seen = new Set([file]);
  for (let ring = [file]; ring.length > 0; ) {
    ring = [...new Set(ring.flatMap((name) => [...(importers.get(name) ?? [])]))].filter((name) => !seen.has(name));
    for (const name of ring) seen.add(name);
    const tests = ring.filter(isTest);
    if (tests.length > 0) rings.push(tests);
  }
  return rings;
}

/** The tests that are most likely to notice, and as many of the others, those likelier first, as there is time for. */
function judgesOf(file) {
  const rings = testsOf(file).map((tests) => tests.filter((test) => durations.has(test)));
  const namesake = file.replace(/\.ts$/, '.test.ts');
  const isNear = (test, ring) => test === namesake || ring === 0;
  const nearest = rings.flatMap((tests, ring) => tests.filter((test) => isNear(test, ring)));
  const folder = posix.dirname(file);
  const stranger = (test) => Number(posix.dirname(test) !== folder);
  const others = rings
    .flatMap((tests, ring) => tests.filter((test) => !isNear(test, ring)).map((test) => ({ test, ring })))
    .sort(
      (a, b) => stranger(a.test) - stranger(b.test) || a.ring - b.ring || durations.get(a.test) - durations.get(b.test),
    );
  let left = TIME_PER_PLACE;
  const further = others.flatMap(({ test }) => {
    left -= durations.get(test);
    return left > 0 ? [test] : [];
  });
  return [nearest, further].filter(({ length }) => length > 0);
}

// --- running ---

/** A copy of the tree to be made wrong, so that nobody's files are touched. */
function copyTree() {
  const folder = mkdtempSync(join(tmpdir(), 'clasp-rx-mutation-'));
  for (const file of tracked) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  return folder;
}

const children = new Set();

/** Runs tests in a copy; resolves to `passed`, `failed`, or `timed out`, which tells of an endless loop. */
function runTests(folder, tests, limit, ...more) {
  // Threads end with their process, however endless the loop in one of them.
  const words = ['run', '--pool=threads', '--no-isolate', '--maxWorkers=1', ...more];
  const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), ...words, ...tests], {
    cwd: folder,
    stdio: 'ignore',
    // However often each property is tried in this run: here it is tried as often as in `npm test`.
    env: { ...process.env, FC_RUNS: '100' },
  });
  children.add(child);
  return new Promise((done) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, limit);
    child.on('close', (code) => {
      clearTimeout(timer);
      children.delete(child);
      done(timedOut ? 'timed out' : code === 0 ? 'passed' : 'failed');
    });
  });
}

/** Runs these tests with nothing changed, notes how long they take, and says which of them fail even so. */
async function rehearse(folder, tests) {
  if (tests.length === 0) return;
  const report = join(folder, 'report.json');
  await runTests(folder, tests, REHEARSAL_LIMIT, '--reporter=json', `--outputFile.json=${report}`);
  if (!existsSync(report)) throw new Error('vitest gave no report.');
  for (const { name, status, startTime, endTime } of JSON.parse(readFileSync(report, 'utf8')).testResults) {
    const test = tests.find((file) => name.replaceAll('\\', '/').endsWith(`/${file}`));
    if (status === 'passed') durations.set(test, endTime - startTime);
    else console.log(`Left out, since it fails before anything is changed: ${test}`);
  }
}

async function judge(folder, mutant) {
  const judges = judgesOf(mutant.file);
  if (judges.length === 0) return 'no test';
  const place = join(folder, mutant.file);
  const text = readFileSync(place, 'utf8');
  writeFileSync(place, text.slice(0, mutant.start) + mutant.instead + text.slice(mutant.end));
  try {
    for (const tests of judges) {
      const usual = tests.reduce((sum, test) => sum + durations.get(test), 0);
      const outcome = await runTests(folder, tests, timeLimit(usual), '--bail=1', '--reporter=dot');
      if (outcome !== 'passed') return outcome === 'failed' ? 'killed' : outcome;
    }
    return 'survived';
  } finally {
    writeFileSync(place, text);
  }
}

const sources = tracked.filter(
  (file) => isSource(file) && paths.some((path) => file === path || file.startsWith(`${path}/`)),
);
const all = sources.flatMap((file) => mutants(file, readFileSync(join(root, file), 'utf8')));
const chosen = sample(all, Number(options.sample), Number(options.seed));
console.log(`${chosen.length} of ${all.length} places in ${sources.length} files, seed ${options.seed}`);

const folders = Array.from({ length: Math.max(1, Number(options.workers)) }, copyTree);
const cleanUp = () => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    cleanUp();
    process.exit(1);
  });
}

const tallies = new Map();
let judged = 0;
try {
  await rehearse(folders[0], [...new Set(chosen.flatMap(({ file }) => testsOf(file).flat()))]);
  const queue = [...chosen];
  const work = async (folder) => {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const outcome = await judge(folder, mutant);
      const where = posix.dirname(mutant.file);
      if (!tallies.has(where)) tallies.set(where, { killed: 0, lived: 0 });
      const noticed = outcome === 'killed' || outcome === 'timed out';
      tallies.get(where)[noticed ? 'killed' : 'lived']++;
      if (++judged % 25 === 0) console.log(`${judged} of ${chosen.length} places`);
      const say = (text) => JSON.stringify(text.length > 100 ? `${text.slice(0, 99)}…` : text);
      const { file, line, was, instead } = mutant;
      if (!noticed) console.log(`${outcome}  ${file}:${line}  ${say(was)} → ${say(instead)}`);
    }
  };
  await Promise.all(folders.map(work));
} finally {
  cleanUp();
}

const percent = (killed, lived) => `${((100 * killed) / (killed + lived)).toFixed(0)} %`.padStart(6);
let [killed, lived] = [0, 0];
for (const [folder, tally] of [...tallies].sort()) {
  killed += tally.killed;
  lived += tally.lived;
  console.log(`${percent(tally.killed, tally.lived)}  ${tally.killed} of ${tally.killed + tally.lived}  ${folder}`);
}
console.log(`${percent(killed, lived)}  ${killed} of ${killed + lived}  in all`);
