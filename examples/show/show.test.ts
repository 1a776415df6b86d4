import { asyncScheduler, Observable, Subject } from 'rxjs';
import { expect, it } from 'vitest';
import { ClaspError, type Client, type Connections, createClient } from '../../index.ts';
import { clock, createRelay, webSocketDial } from '../../platform-node/index.ts';
import { simulate } from '../../testing/index.ts';
import { type Outcome, playShow, type Venue } from './show.ts';

const FIVE_MINUTES = 300_000;

const EXPECTED: Outcome = {
  fader: Math.round(0.8 * 127) / 127,
  cue: { together: true, early: false, values: [255, 80, 10, 1] },
  fade: { rising: true, end: 255 },
  touch: 'start move end',
  light: [
    'dimmer 255 ████████████████',
    'red    255 ████████████████',
    'green   80 █████···········',
    'blue    10 █···············',
  ].join('\n'),
  tablet: {
    '/artnet/0/1': 255,
    '/artnet/0/2': 255,
    '/artnet/0/3': 80,
    '/artnet/0/4': 10,
    '/midi/faders/ch/1/cc/1': Math.round(0.8 * 127) / 127,
    '/scene/name': 'opening',
  },
  truth: expect.anything() as never,
};

/** Plays it over a network as a venue has it. */
const inVirtualTime = (seed: number, length: number): Outcome =>
  simulate(
    ({ time, client, cut }) => {
      const network = { latency: 2, jitter: 4 };
      return playShow({ time, client: (name) => client(name, { network }), cut }, length);
    },
    { seed, until: length, log: false },
  ).made();

it('plays five minutes in virtual time, over a network as a venue has it', () => {
  const outcome = inVirtualTime(1, FIVE_MINUTES);
  expect(outcome).toEqual(EXPECTED);
  expect(outcome.tablet).toEqual(outcome.truth);
});

it('comes out the same whatever the network does', () => {
  for (let seed = 2; seed < 12; seed++) expect(inVirtualTime(seed, 10_000)).toEqual(EXPECTED);
});

it('comes out the same in real time, in three seconds, over WebSockets at a real relay', async () => {
  const relay = createRelay({ port: 0 });
  const [url] = (await relay.ready).urls;
  const venue = realVenue(String(url));
  try {
    const length = 3_000;
    const result = playShow(venue, length);
    await new Promise((over) => setTimeout(over, length));
    // A busy machine may be late; what must come comes.
    await expect.poll(() => result().tablet, { timeout: 20_000 }).toEqual(EXPECTED.tablet);
    await expect.poll(() => result().light, { timeout: 20_000 }).toBe(EXPECTED.light);
    expect(result()).toEqual(EXPECTED);
    expect(result().tablet).toEqual(result().truth);
  } finally {
    venue.close();
    await relay.close();
  }
});

/** A venue of WebSockets whose connections can be cut. */
function realVenue(url: string): Venue & { close(): void } {
  const clients: Client[] = [];
  const cuts = new Subject<string>();
  const unreachable = new Map<string, number>();

  const dial = (name: string): Connections =>
    new Observable((out) => {
      const lost = () => out.error(new ClaspError(502, 'the cable is out'));
      if ((unreachable.get(name) ?? 0) > asyncScheduler.now()) {
        lost();
        return;
      }
      out.add(cuts.subscribe((which) => which === name && lost()));
      out.add(webSocketDial(url).subscribe(out));
    });
  return {
    time: asyncScheduler,
    client(name) {
      const client = createClient(dial(name), { name, now: clock, reconnect: { initial: 50, max: 100 } });
      clients.push(client);
      return client;
    },
    cut(name, milliseconds) {
      unreachable.set(name, asyncScheduler.now() + milliseconds);
      cuts.next(name);
    },
    close() {
      for (const client of clients) client.close();
    },
  };
}
