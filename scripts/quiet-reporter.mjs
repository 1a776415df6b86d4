// What `npm test` prints of a run: how far it is now and then, and of each test that failed its name, why, and where.
import { relative } from 'node:path';

/** A test that compares frames or draws counterexamples can say megabytes. */
const MAX_LINES = 25;
const MAX_WIDTH = 300;
const FILES_PER_LINE = 50;

const clip = (text, most, rest) => (text.length > most ? `${text.slice(0, most)}${rest}` : text);

function shorten(text) {
  const lines = text.trimEnd().split('\n');
  const kept = lines.slice(0, MAX_LINES).map((line) => `    ${clip(line, MAX_WIDTH, ' …')}`);
  if (lines.length > MAX_LINES) kept.push(`    … ${lines.length - MAX_LINES} more lines`);
  return kept.join('\n');
}

/** An error and what caused it: message, difference, and the first place of ours. */
function explain(error, root) {
  const place = error.stacks?.find(({ file }) => !file.includes('node_modules'));
  const parts = [shorten(`${error.name ?? 'Error'}: ${error.message}`)];
  if (error.diff) parts.push(shorten(error.diff));
  if (place) parts.push(`    at ${relative(root, place.file)}:${place.line}:${place.column}`);
  if (error.cause?.message) parts.push(explain(error.cause, root));
  return parts.join('\n');
}

export default class QuietReporter {
  #root = process.cwd();
  #files = 0;
  #done = 0;

  onInit(vitest) {
    this.#root = vitest.config.root;
  }

  onTestRunStart(specifications) {
    this.#files = specifications.length;
  }

  onTestModuleEnd(module) {
    if (++this.#done % FILES_PER_LINE === 0) console.log(`${this.#done} of ${this.#files} test files`);
    const file = relative(this.#root, module.moduleId);
    // A file that could not be loaded, and hooks that failed, have no test to blame.
    const suites = [module, ...module.children.allSuites()];
    for (const suite of suites) for (const error of suite.errors()) this.#tell([file, suite.fullName], error);
    for (const test of module.children.allTests('failed')) {
      for (const error of test.result().errors ?? []) this.#tell([file, test.fullName], error);
    }
  }

  onTestRunEnd(_, unhandled) {
    for (const error of unhandled) this.#tell(['Nobody caught'], error);
  }

  #tell(names, error) {
    console.log(`FAILED  ${names.filter(Boolean).join(' > ')}\n${explain(error, this.#root)}`);
  }
}
