import { concat, defer, from, mergeMap, of, throwError } from 'rxjs';
import { readConfigFile } from '../config/config-file.ts';
import { type Command, data, defineCommand } from './command.ts';
import { jsonOption } from './connect.ts';
import { printable, recordJson } from './format.ts';
import { MistakesError, mistakeText } from './relay-reload.ts';

const options = { ...jsonOption } as const;

/** `check FILE`: prints every mistake of a configuration file with its place. */
export const checkCommand = (): Command =>
  defineCommand({
    name: 'check',
    summary: 'check a configuration file, and open nothing',
    arguments: [{ name: 'FILE', help: 'a .json, .mjs or .js file; .ts where Node reads it' }],
    options,
    notes: [
      'Prints each mistake as FILE:LINE:COLUMN: KEY: what is wrong, and ends with exit code 1 if there is one. With --json ' +
        'a mistake is an object with file, line, column, key, value and reason. A module has no lines and columns.',
    ],
    examples: [{ what: 'before it is used', run: 'clasp-rx check clasp.config.json' }],
    run: ({ json }, [file = '']) =>
      defer(() => readConfigFile(file)).pipe(
        mergeMap(({ config, mistakes }) => {
          if (config) {
            const { bridges = [], routes = [], params = [] } = config;
            const counts = { bridges: bridges.length, routes: routes.length, params: params.length };
            const told = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
            return of(
              data(json ? recordJson({ file, mistakes: 0, ...counts }) : `${file}: no mistakes (${told.join(', ')})`),
            );
          }
          const lines = mistakes.map((mistake) => {
            const { position, key, value, reason } = mistake;
            const shown = typeof value === 'function' ? undefined : value;
            return json
              ? recordJson({ file, line: position?.line, column: position?.column, key, value: shown, reason })
              : printable(mistakeText(file, mistake));
          });
          return concat(
            from(lines.map(data)),
            throwError(() => new MistakesError(lines, file)),
          );
        }),
      ),
  });
