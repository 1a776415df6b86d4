// Writes config.schema.json, which editors read, out of the schemas that the relay itself reads. Run after a build.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { allBridgeTypes } from '../dist/platform-node/config/check-config.js';
import { configJsonSchema } from '../dist/platform-node/config/config-schema.js';

const file = new URL('../config.schema.json', import.meta.url);
writeFileSync(file, JSON.stringify(configJsonSchema(await allBridgeTypes()), null, 2));
execFileSync('npx', ['biome', 'format', '--write', 'config.schema.json'], {
  cwd: new URL('..', import.meta.url),
  stdio: 'ignore',
});
