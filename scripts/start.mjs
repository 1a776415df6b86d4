// `npm start`: the relay of this folder, with OSC on UDP port 8000 where neither an option nor a file says otherwise.
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Milliseconds between two looks whether npm is still there. */
const LOOK = 200;

/** The words for the command line of the relay, made of those that were given to `npm start`. */
export function startArguments(given) {
  const has = (option) => given.some((word) => word === option || word.startsWith(`${option}=`));
  const asksForOther = ['--config', '--osc-port'].some(has);
  return ['relay', ...(asksForOther ? [] : ['--osc-port', '8000']), ...given];
}

/** Ends the relay as SIGTERM does when npm is gone: of a signal for npm alone some shells between them tell nobody. */
function endWithParent() {
  const parent = process.ppid;
  const looking = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(looking);
    process.emit('SIGTERM');
  }, LOOK);
  looking.unref();
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.argv.splice(2, Number.POSITIVE_INFINITY, ...startArguments(process.argv.slice(2)));
  endWithParent();
  await import('../dist/platform-node/cli/main.js');
}
