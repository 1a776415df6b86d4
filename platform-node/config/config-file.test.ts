import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfigFile } from './config-file.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'clasp-rx-config-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const write = (text: string, ending = '.json'): string => {
  const path = join(folder, `config-${files++}${ending}`);
  writeFileSync(path, text);
  return path;
};

/** The mistakes of a JSON text, as `line:column key: reason`. */
const mistakesIn = async (text: string): Promise<string[]> => {
  const { mistakes } = await readConfigFile(write(text));
  return mistakes.map(({ key, reason, position }) => `${position?.line}:${position?.column} ${key}: ${reason}`);
};
/** The same for one key of an otherwise empty configuration. */
const mistakeIn = async (inner: string): Promise<string> =>
  (await mistakesIn(`{ ${inner} }`)).map((line) => line.replace(/^1:\d+ /, '')).join('\n');

const WHOLE = `{
  "$schema": "./node_modules/clasp-rx/config.schema.json",
  "name": "Venue", "host": "127.0.0.1", "port": 7330,
  "params": [{ "pattern": "/bids/**", "strategy": "max" }, { "pattern": "/faders/*", "range": [0, 1] }],
  "bridges": [
    { "name": "osc", "type": "osc", "listen": 8000, "targets": ["127.0.0.1:9000"] },
    { "name": "desk", "type": "midi", "input": "nanoKONTROL2", "output": "nanoKONTROL2", "device": "desk" },
    { "name": "broker", "type": "mqtt", "url": "mqtt://localhost:1883", "subscribe": ["sensors/#"] },
    { "name": "clients", "type": "mqtt-server", "port": 1884 },
    { "name": "rig", "type": "artnet", "listen": 6454, "targets": ["10.0.0.20"], "universes": [0, 1], "mode": "channel" },
    { "name": "wash", "type": "sacn", "universes": [1], "priority": 100, "interface": "eth0" },
    { "name": "dimmers", "type": "dmx", "port": "/dev/ttyUSB0", "driver": "enttec-pro" },
    { "name": "rest", "type": "http", "port": 8080, "cors": ["*"] },
    { "name": "json", "type": "websocket-json", "port": 9001 }
  ],
  "routes": [
    { "from": "/midi/desk/ch/1/cc/*", "to": "/artnet/0/$1", "transform": [{ "type": "scale", "from": [0, 1], "to": [0, 255] }, { "type": "round" }] }
  ]
}`;

describe('a configuration file', () => {
  it('is the configuration, without the key for editors', async () => {
    const { config, mistakes } = await readConfigFile(write(WHOLE));
    expect(mistakes).toEqual([]);
    const { $schema: _, ...wanted } = JSON.parse(WHOLE);
    expect(config).toEqual(wanted);
  });

  it('names each mistake with its line, column, key, value and what is meant', async () => {
    const text = `{
  "name": "Venue",
  "prot": 7330,
  "port": "7330",
  "bridges": [
    { "type": "osc", "listn": 8000, "targets": ["127.0.0.1:9000", 9001] },
    { "type": "osk" },
    { "type": "osc" }
  ],
  "routes": [
    { "from": "/a/*", "to": "/b/$2" },
    { "from": "/a/*", "to": "/b", "transform": [{ "type": "scal" }, { "type": "scale", "from": [1, 1] }] }
  ]
}`;
    expect(await mistakesIn(text)).toEqual([
      '3:3 prot: unknown key "prot"; did you mean "port"?',
      '4:11 port: must be a number, not "7330"',
      '6:22 bridges[0].listn: unknown key "listn"; did you mean "listen"?',
      '6:67 bridges[0].targets[1]: must be text or an object, not 9001',
      expect.stringMatching(
        /^7:15 bridges\[1\]\.type: must be .*osc.* or websocket-json, not "osk"; did you mean "osc"\?$/,
      ),
      '8:5 bridges[2].name: bridges[0] is named "osc" already; give each its own "name"',
      '11:29 routes[0].to: $2 names a wildcard that /a/* does not have: it has 1 of them',
      expect.stringMatching(
        /^12:59 routes\[1\]\.transform\[0\]\.type: must be scale.*, not "scal"; did you mean "scale"\?$/,
      ),
      '12:69 routes[1].transform[1]: from must be two different numbers, not [1,1]',
    ]);
  });

  it.each([
    ['"port": 70000', 'port: must be at most 65535, not 70000'],
    ['"port": -1', 'port: must be at least 0, not -1'],
    ['"port": 1.5', 'port: must be a whole number, not 1.5'],
    ['"name": ""', 'name: must have at least 1 characters, not ""'],
    ['"onFull": "lur"', 'onFull: must be lru, oldest or reject, not "lur"; did you mean "lru"?'],
    ['"bridges": {}', 'bridges: must be a list, not {}'],
    ['"bridges": [1]', 'bridges[0]: must be an object, not 1'],
    [
      '"bridges": [{ "type": "osc", "listen": true }]',
      'bridges[0].listen: must be a number or text or false, not true',
    ],
    ['"bridges": [{ "type": "osc", "listen": 70000 }]', 'bridges[0].listen: must be at most 65535, not 70000'],
    ['"bridges": [{ "type": "osc", "listen": "x:y" }]', 'bridges[0].listen: "x:y" is not port or host:port'],
    ['"bridges": [{ "type": "osc", "targets": ["nowhere"] }]', 'bridges[0].targets[0]: "nowhere" is not host:port'],
    ['"bridges": [{ "type": "mqtt" }]', 'bridges[0].url: is missing'],
    [
      '"bridges": [{ "name": "a/b", "type": "osc" }]',
      'bridges[0].name: must be one segment of an address: no slash, star or space',
    ],
    ['"routes": [{ "from": "a", "to": "/b" }]', 'routes[0].from: pattern must start with "/": "a"'],
    ['"routes": [{ "to": "/b" }]', 'routes[0].from: is missing'],
    [
      '"routes": [{ "from": "/a", "to": "/b", "transform": [{ "type": "expression", "expression": "1 +" }] }]',
      'routes[0].transform[0]: expression, character 4: the end where a number, a name or "(" should be',
    ],
    [
      '"params": [{ "pattern": "/a", "range": [1, 0] }]',
      'params[0].range: must be [min, max], the smaller number first',
    ],
    ['"authenticate": 1', 'authenticate: is a function, which JSON does not have; use a .mjs file'],
    [
      '"params": [{ "pattern": "/a", "merge": "add" }]',
      'params[0].merge: is a function, which JSON does not have; use a .mjs file',
    ],
  ])('with %s: %s', async (inner, mistake) => {
    expect(await mistakeIn(inner)).toBe(mistake);
  });

  it('tells a kind of bridge that is missing', async () => {
    expect(await mistakeIn('"bridges": [{ "listen": 1 }]')).toMatch(
      /^bridges\[0\]\.type: is missing: artnet, .* or websocket-json$/,
    );
  });

  it.each([
    ['{ "port": 7330, }', '1:15 : a comma before "}", where nothing follows'],
    ['{\n  // the port\n  "port": 7330\n}', '2:3 : a comment, which JSON does not have; a .mjs file may have them'],
    ['{ "port" 7330 }', '1:10 : "7" where ":" should be'],
    ['{ port: 7330 }', '1:3 : "p" where a key in double quotes should be'],
    ['{ "name": \'Venue\' }', "1:11 : 'Venue' is no JSON value; text stands in double quotes"],
    ['{ "name": "Venue }', '1:11 : text without a closing double quote'],
    ['{ "port": 1, "port": 2 }', '1:14 : the key "port" is there twice'],
    ['{ "port": 1 "name": "x" }', '1:13 : "\\"" where "," or "}" should be'],
    ['', '1:1 : the end of the file where a value should be'],
    ['{} {}', '1:4 : "{" after the end of the JSON'],
    ['[1]', '1:1 : must be an object, not [1]'],
    [`${'['.repeat(1_000)}`, '1:130 : more than 128 values inside each other'],
  ])('that is no JSON, %j, is refused: %s', async (text, mistake) => {
    expect(await mistakesIn(text)).toEqual([mistake]);
  });
});

describe('the documents', () => {
  const root = join(import.meta.dirname, '../..');
  const examples = [
    'README.md',
    ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((file) => join('docs', file)),
  ]
    .filter((file) => file.endsWith('.md'))
    .flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(
        ([, text = '']) => [file, text] as const,
      ),
    )
    .filter(([, text]) => /"(bridges|routes)": \[/.test(text));

  it.each(examples)('show configurations without mistakes: %s', async (_, text) => {
    expect(await mistakesIn(text)).toEqual([]);
  });
});

describe('a module as configuration', () => {
  it('is its default export, which may hold functions', async () => {
    const path = write('export default { port: 0, authenticate: () => ({ scopes: [] }) };', '.mjs');
    const { config } = await readConfigFile(path);
    expect(config?.port).toBe(0);
    expect(config?.authenticate).toBeTypeOf('function');
  });

  it('is read again when it has changed', async () => {
    const path = write('export default { name: "one" };', '.mjs');
    expect((await readConfigFile(path)).config?.name).toBe('one');
    writeFileSync(path, 'export default { name: "two" };');
    expect((await readConfigFile(path)).config?.name).toBe('two');
  });

  it('has mistakes without a line', async () => {
    const { mistakes } = await readConfigFile(write('export default { prot: 1, authenticate: 1 };', '.mjs'));
    expect(mistakes.map(({ key, reason, position }) => [key, reason, position])).toEqual([
      ['authenticate', 'must be a function', undefined],
      ['prot', 'unknown key "prot"; did you mean "port"?', undefined],
    ]);
  });

  it.each([
    ['throw new Error("not today");', '.mjs', /the module fails: not today$/],
    ['export const config = {};', '.mjs', /the module has no default export, which is the configuration$/],
    ['port = 7330', '.toml', /a configuration is a \.json, \.mjs, \.js or \.ts file$/],
  ])('that is %j is refused', async (text, ending, reason) => {
    await expect(readConfigFile(write(text, ending))).rejects.toMatchObject({
      code: 402,
      reason: expect.stringMatching(reason),
    });
  });

  it('that is not there is said to be not there', async () => {
    const path = join(folder, 'none.json');
    await expect(readConfigFile(path)).rejects.toMatchObject({ code: 201, reason: `there is no file ${path}` });
  });
});
