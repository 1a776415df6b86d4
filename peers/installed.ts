import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type debianPackages from './debian-packages.json';

/** The commands tests may use; `debian-packages.json` says which Debian package has each. */
export type Peer = keyof typeof debianPackages;

/**
 * The path of a real peer that a test talks to, or undefined when it is not installed.
 *
 * A missing peer skips its tests (`describe.skipIf(!installed('oscsend'))`); with `CI=true` it fails them instead,
 * so that a green run means that every peer was there. `npm test` installs what is missing where it may.
 */
export function installed(command: Peer): string | undefined {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .concat('/usr/sbin', '/usr/local/sbin')
    .map((folder) => join(folder, command))
    .find((path) => existsSync(path));
  if (!found && process.env['CI'] === 'true') throw new Error(`test peer "${command}" is not installed`);
  return found;
}
