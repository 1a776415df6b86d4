// Cues that fire everywhere at once: start this program in several processes, or on several machines, and have the
// relay tell them all when: npx clasp-rx emit /cue/lights '{"at": 1767225600000000}'
import { at, createClient } from 'clasp-rx';
import { clock, webSocketDial } from 'clasp-rx/platform-node';

const [url = 'ws://localhost:7330'] = process.argv.slice(2);
const client = createClient(webSocketDial(url), { name: 'player', now: clock, random: Math.random });
const say = (what) => console.log(JSON.stringify(what));

client
  .on('/cue/**', { types: ['event'], synced: () => say({ listening: client.time() }) })
  .pipe(at({ time: () => client.time(), timeOf: ({ value }) => value.at }))
  .subscribe(({ address }) => say({ fired: address, local: clock(), relay: client.time(), clock: client.clock }));
