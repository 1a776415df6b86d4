import { decode, encode } from '@msgpack/msgpack';
import { interval, Subject, VirtualTimeScheduler } from 'rxjs';
import { summary } from '../statistics.mjs';

/** What a venue might have: a hundred params, each written fifty times a second. */
const PARAMS = 100;
const HERTZ = 50;
const SET = 0x21;
/** Of the bare peer, whose hour is calculated from them. */
const BARE_SECONDS = 120;
const ROUNDS = 3;

/** A device at the wire: it sends what its faders say and does not ask for confirmation. */
const wireWriter = ({ encodeSet, encodeMessage }, relay) => {
  let out;
  relay.dial('desk').subscribe(({ incoming, outgoing }) => {
    out = outgoing;
    incoming.subscribe();
    outgoing.next(encodeMessage({ type: 'HELLO', version: 1, name: 'desk', features: [] }));
  });
  return (address, value) => out.next(encodeSet(address, value));
};
const clientWriter = (_wire, relay) => {
  const desk = relay.client('desk');
  return (address, value) => desk.set(address, value);
};

/** A device at the wire that reads every value it gets, and is heard of once a minute. */
const wireReader = ({ decodeFrame, encodeMessage }, relay, time, heard) => {
  relay.dial('stage').subscribe(({ incoming, outgoing }) => {
    incoming.subscribe((bytes) => {
      const frame = decodeFrame(bytes);
      if (frame.type === SET) heard(frame.value);
    });
    outgoing.next(encodeMessage({ type: 'HELLO', version: 1, name: 'stage', features: [] }));
    outgoing.next(encodeMessage({ type: 'SUBSCRIBE', id: 1, pattern: '/rig/**' }));
    interval(60_000, time).subscribe(() => outgoing.next(encodeMessage({ type: 'PING' })));
  });
};
const clientReader = (_wire, relay, _time, heard) => {
  relay
    .client('stage')
    .on('/rig/**')
    .subscribe(({ value }) => heard(value));
};

/** Runs so many seconds of a router with a writer and one subscriber; gives how long that took. */
async function simulateSeconds(seconds, writer, reader) {
  const { simulate } = await import('../../dist/testing/simulate.js');
  const wire = await import('../../dist/core/wire/index.js');
  const addresses = Array.from({ length: PARAMS }, (_, i) => `/rig/fader/${i}/level`);
  let written = 0;
  let heard = 0;
  let sum = 0;
  const build = ({ router, time }) => {
    const relay = router();
    reader(wire, relay, time, (value) => {
      heard++;
      sum += value;
    });
    const write = writer(wire, relay);
    interval(1000 / HERTZ, time).subscribe((n) => {
      written += PARAMS;
      for (let i = 0; i < PARAMS; i++) write(addresses[i], (n % 1000) + i);
    });
  };
  const cpu = process.cpuUsage();
  const began = performance.now();
  simulate(build, { seed: 1, until: seconds * 1000, log: false });
  const elapsed = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  if (heard !== written || !(sum > 0)) throw new Error(`${written} written, ${heard} heard`);
  return { elapsed, cpu: (user + system) / 1e6, written };
}

/**
 * What somebody might write who has RxJS and MessagePack only: no router, no state, no sessions. It tells how fast the
 * machine is just now.
 */
function bareSeconds(seconds) {
  const addresses = Array.from({ length: PARAMS }, (_, i) => `/rig/fader/${i}/level`);
  const time = new VirtualTimeScheduler(undefined, seconds * 1000);
  const wire = new Subject();
  let sum = 0;
  wire.subscribe((bytes) => {
    sum += decode(bytes).value;
  });
  interval(1000 / HERTZ, time).subscribe((n) => {
    for (let i = 0; i < PARAMS; i++) wire.next(encode({ type: 'SET', address: addresses[i], value: (n % 1000) + i }));
  });
  const began = performance.now();
  time.flush();
  if (!(sum > 0)) throw new Error('nothing was heard');
  return (performance.now() - began) / 1000;
}

/** How long an hour of 100 params at 50 Hz takes in virtual time, through a router with one subscriber. */
export async function run({ quick }) {
  bareSeconds(5);
  const row = async (name, writer, reader, seconds, atMost) => {
    await simulateSeconds(5, writer, reader);
    const rounds = [];
    const bare = [];
    for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
      rounds.push(await simulateSeconds(seconds, writer, reader));
      bare.push(hourOf(bareSeconds(BARE_SECONDS), BARE_SECONDS));
    }
    const hours = rounds.map(({ elapsed }) => hourOf(elapsed, seconds));
    const { median } = summary(hours);
    const [{ written }] = rounds;
    const cpu = summary(rounds.map((round) => hourOf(round.cpu, seconds))).median;
    return {
      name,
      unit: 's',
      better: 'lower',
      ours: hours,
      peers: { 'bare rxjs': bare },
      ...(atMost && { atMost }),
      note:
        `${(3600 / median).toFixed(0)} times real time; ${written / 1e6} million writes, ` +
        `${((median / 3600 / (written / seconds)) * 1e6).toFixed(2)} µs each${seconds < 3600 ? `, extrapolated from ${seconds} s` : ''}; ` +
        `processor time of an hour ${cpu.toFixed(1)} s`,
    };
  };
  const some = quick ? 60 : 300;
  return [
    await row('simulated hour, 18 million writes, wire to wire', wireWriter, wireReader, quick ? 300 : 3600, 20),
    await row('the same, heard by a client', wireWriter, clientReader, some),
    await row('the same, written by a client with QoS 1', clientWriter, clientReader, some),
  ];
}

function hourOf(elapsed, seconds) {
  return (elapsed * 3600) / seconds;
}
