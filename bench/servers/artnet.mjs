// A relay with an Art-Net bridge, as a process of its own: `mode`, `side` and the port to send to as arguments. Tells its
// port, and answers `cpu` with its processor time in seconds.
import { asyncScheduler, NEVER, Subject } from 'rxjs';
import { router } from '../../dist/index.js';
import { artnetBridge, udpSocket } from '../../dist/platform-node/index.js';
import { artNetSink } from '../../dist/sinks/index.js';

const [mode, side, target] = process.argv.slice(2);
const UNIVERSES = Array.from({ length: 100 }, (_, universe) => universe);
const CHANNELS = 25;
/** Universes that are written in one bundle. */
const TOGETHER = 10;
const FRAME = 1000 / 44;

/** How often one of the universes changed: what was asked for has been done only if this is 44 a second. */
let seen = 0;

/** Calls `frame` 44 times a second, each time with a new level. */
function everyFrame(frame) {
  let count = 0;
  const began = performance.now();
  const next = () => {
    frame(count++ & 255);
    setTimeout(next, began + count * FRAME - performance.now());
  };
  next();
}

function throughTheRelay() {
  const relay = router();
  relay(NEVER).subscribe();
  const app = relay.client('app');
  const options =
    side !== 'out'
      ? { listen: '127.0.0.1:0', send: side === 'in' }
      : { listen: false, targets: [`127.0.0.1:${target}`], universes: UNIVERSES };
  artnetBridge(relay.client('rig'), { ...options, mode, discover: false }).subscribe((event) => {
    if (event.type === 'failure') console.error(event.failure.message);
    if (event.type === 'ready') process.send({ ready: Number(event.address.split(':')[1]) });
  });
  app.on(mode === 'universe' ? '/artnet/50' : '/artnet/50/1').subscribe(() => seen++);
  if (side !== 'out') return;
  const levels = new Uint8Array(512);
  const addresses = UNIVERSES.map((u) => Array.from({ length: CHANNELS }, (_, c) => `/artnet/${u}/${c + 1}`));
  everyFrame((level) => {
    if (mode === 'universe') {
      for (const universe of UNIVERSES) app.stream(`/artnet/${universe}`, levels.fill(level, 0, CHANNELS).slice());
      return;
    }
    for (let first = 0; first < UNIVERSES.length; first += TOGETHER) {
      const together = addresses.slice(first, first + TOGETHER).flat();
      app.bundle(together.map((address) => ({ set: [address, BigInt(level)] })));
    }
  });
}

/** The sink alone: what the bridge costs without the relay. */
function sinkAlone() {
  const signals = new Subject();
  udpSocket().subscribe((socket) => {
    signals.subscribe(artNetSink(socket.send, { targets: [`127.0.0.1:${target}`], scheduler: asyncScheduler }));
    process.send({ ready: Number(socket.address.split(':')[1]) });
  });
  const addresses = UNIVERSES.map((u) => Array.from({ length: CHANNELS }, (_, c) => `/artnet/${u}/${c + 1}`));
  const frames = UNIVERSES.map(() => new Uint8Array(512));
  everyFrame((level) => {
    for (const universe of UNIVERSES) {
      if (mode === 'universe') {
        const value = frames[universe].fill(level, 0, CHANNELS);
        signals.next({ kind: 'stream', address: `/artnet/${universe}`, value });
        continue;
      }
      for (const address of addresses[universe]) signals.next({ kind: 'param', address, value: BigInt(level) });
    }
  });
}

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send({ cpu: { seconds: (user + system) / 1e6, seen } });
});
process.on('disconnect', () => process.exit(0));
if (side === 'sink') sinkAlone();
else throughTheRelay();
