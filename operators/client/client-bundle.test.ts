import { beforeEach, describe, expect, it } from 'vitest';
import type { BundlePart, Client } from '../../core/client/client.ts';
import { readUtf8 } from '../../core/wire/bytes.ts';
import type { SignalDefinition } from '../../core/wire/message.ts';
import { answerOf, type ClientOnScript, heardBy, redial, welcomedClient } from '../../testing/client-on-script.ts';
import { virtualRelay } from '../../testing/virtual-relay.ts';
import { createClient, createLocalClient } from './client.ts';

let made: ClientOnScript;
let client: Client;
const begin = (make: typeof createClient) => () => {
  made = welcomedClient({}, make);
  ({ client } = made);
};

const PLACE = '/clasp/schedule/7';
const inProcess: typeof createClient = (connections, options = {}) => createLocalClient(connections, options, readUtf8);
const MAKERS = [
  ['of a client over a connection', createClient],
  ["of a client in the relay's process", inProcess],
] as const;

describe.each(MAKERS)('a bundle %s', (_, make) => {
  beforeEach(begin(make));

  it('carries whatever the client can send', () => {
    const keyframes = [{ time: 0, value: 1 }];
    client.bundle([
      { set: ['/a', 1, { lock: true, ttl: 9, revision: 4 }] },
      { emit: ['/b'] },
      { stream: ['/c', 0.5] },
      { gesture: ['/d', 3, 'move', [1, 2]] },
      { timeline: ['/e', keyframes, { loop: true }] },
    ]);
    expect(made.relay.peer.take()).toEqual([
      {
        type: 'BUNDLE',
        messages: [
          { type: 'SET', address: '/a', value: 1, lock: true, revision: 4, ttl: { seconds: 9, mode: 'sliding' } },
          { type: 'PUBLISH', signal: 'event', address: '/b', value: null },
          { type: 'PUBLISH', signal: 'stream', address: '/c', value: 0.5 },
          { type: 'PUBLISH', signal: 'gesture', address: '/d', id: 3, phase: 'move', value: [1, 2] },
          { type: 'PUBLISH', signal: 'timeline', address: '/e', value: { keyframes, loop: true } },
        ],
      },
    ]);
  });

  it('with a part that is none or has a malformed address fails and is not sent', () => {
    const bad = [{ burst: ['/a'] } as unknown as BundlePart];
    expect(answerOf(client.bundle(bad))).toEqual([101]);
    expect(answerOf(client.bundle([{ set: ['/a', 1] }, { emit: ['b'] }]))).toEqual([200]);
    expect(made.relay.peer.take()).toEqual([]);
    expect(made.codes()).toEqual([101, 200]);
  });

  it('is refused as a whole by the ERROR of any of its parts, and answered by an ACK without an address', () => {
    const { peer } = made.relay;
    const refused = answerOf(client.bundle([{ set: ['/a', 1] }, { set: ['/b', 1] }, { emit: ['/c'] }]));
    const bare = answerOf(client.bundle([{ emit: ['/b'] }]));
    peer.send({ type: 'ERROR', code: 401, message: 'locked', address: '/b' });
    expect([refused, bare, made.codes()]).toEqual([[401], [], [401]]);
    peer.send({ type: 'ACK' });
    expect(bare).toEqual([{ address: '/b' }]);
  });

  it('that the relay does not answer fails with 502, and its late answer is not taken for that of the next', () => {
    const { relay } = made;
    const [first, second] = [answerOf(client.bundle([{ set: ['/a', 1] }])), [] as unknown[]];
    relay.pass(10_000);
    second.push(answerOf(client.bundle([{ set: ['/a', 2] }])));
    relay.peer.send({ type: 'ACK', address: '/a', revision: 1 });
    expect([first, second]).toEqual([[502], [[]]]);
    relay.peer.send({ type: 'ACK', address: '/a', revision: 2 });
    expect(second).toEqual([[{ address: '/a', revision: 2 }]]);
  });

  it('waits for the next session if it was not answered in this one', () => {
    const { relay } = made;
    const reply = answerOf(client.bundle([{ set: ['/a', 1] }]));
    relay.peer.close();
    redial(made);
    relay.welcome();
    expect(relay.peer.take()).toEqual([{ type: 'BUNDLE', messages: [{ type: 'SET', address: '/a', value: 1 }] }]);
    relay.peer.send({ type: 'ACK', address: '/a', revision: 1 });
    expect(reply).toEqual([{ address: '/a', revision: 1 }]);
  });

  it('is answered by its ACK among requests to the same addresses', () => {
    const { peer } = made.relay;
    const replies = [client.set('/a', 1), client.bundle([{ set: ['/a', 2] }, { set: ['/b', 2] }]), client.set('/b', 3)];
    const answers = replies.map(answerOf);
    peer.send({ type: 'ACK', address: '/a', revision: 1 });
    peer.send({ type: 'ACK', address: '/b', revision: 2 });
    peer.send({ type: 'ACK', address: '/b', revision: 3 });
    expect(answers).toEqual([1, 2, 3].map((revision) => [{ address: revision === 1 ? '/a' : '/b', revision }]));
  });
});

describe.each(MAKERS)('a bundle for a certain time %s', (_, make) => {
  beforeEach(begin(make));

  it('is answered with its place in the schedule, though a write there is answered as that', () => {
    const { peer } = made.relay;
    const early = answerOf(client.bundle([{ set: ['/a', 1] }]));
    const bundle = answerOf(client.bundle([{ set: ['/a', 1] }], { at: 5_000_000 }));
    const other = answerOf(client.bundle([{ set: ['/a', 1] }], { at: 6_000_000 }));
    peer.send({ type: 'ACK', address: '/a', revision: 1 });
    peer.send({ type: 'ACK', address: PLACE, revision: 1 });
    expect([early, bundle, other]).toEqual([[{ address: '/a', revision: 1 }], [{ address: PLACE, revision: 1 }], []]);
    const write = answerOf(client.set(PLACE, null));
    peer.send({ type: 'ACK', address: PLACE, revision: 2 });
    expect([write, other]).toEqual([[{ address: PLACE, revision: 2 }], []]);
  });

  it('is cancelled as soon as it is known where it waits', () => {
    const { peer } = made.relay;
    const bundle = client.bundle([{ set: ['/a', 1] }], { at: 5_000_000 });
    const cancelled = answerOf(bundle.cancel());
    expect(peer.take().map(({ type }) => type)).toEqual(['BUNDLE']);
    peer.send({ type: 'ACK', address: PLACE, revision: 1 });
    expect(peer.take()).toEqual([{ type: 'SET', address: PLACE, value: null }]);
    peer.send({ type: 'ACK', address: PLACE, revision: 2 });
    expect(cancelled).toEqual([{ address: PLACE, revision: 2 }]);
  });

  it('that fails when it runs is told as an error, and leaves open what was asked at the same address', () => {
    const { peer } = made.relay;
    const bundle = answerOf(client.bundle([{ set: ['/a', 1] }], { at: 5_000_000 }));
    peer.send({ type: 'ACK', address: PLACE, revision: 1 });
    const write = answerOf(client.set('/a', 2));
    peer.send({ type: 'ERROR', code: 401, message: `in the bundle of ${PLACE}: /a is locked`, address: PLACE });
    expect([bundle, write, made.codes()]).toEqual([[{ address: PLACE, revision: 1 }], [], [401]]);
    peer.send({ type: 'ACK', address: '/a', revision: 3 });
    expect(write).toEqual([{ address: '/a', revision: 3 }]);
  });

  it('cannot be cancelled when it did not wait, or failed', () => {
    const { peer } = made.relay;
    const ran = answerOf(client.bundle([{ set: ['/a', 1] }], { at: 1 }).cancel());
    peer.send({ type: 'ACK', address: '/a', revision: 1 });
    const failed = answerOf(client.bundle([{ set: ['/a', 1] }], { at: 1 }).cancel());
    peer.send({ type: 'ERROR', code: 401, message: 'locked', address: '/a' });
    expect([ran, failed]).toEqual([[400], [401]]);
    expect(peer.take().map(({ type }) => type)).toEqual(['BUNDLE', 'BUNDLE']);
  });

  it('runs at the real relay at its time, and not when it is cancelled', () => {
    const { relay, pass } = virtualRelay();
    const [desk, show] = [relay.client('desk'), relay.client('show')];
    const heard = heardBy(show, '/lights/*');
    const first = desk.bundle([{ set: ['/lights/1', 1] }, { emit: ['/lights/go'] }], { at: 500_000 });
    const second = desk.bundle([{ set: ['/lights/2', 1] }], { at: 600_000 });
    expect(answerOf(first)).toEqual([expect.objectContaining({ address: expect.stringMatching('^/clasp/schedule/') })]);
    expect(answerOf(second.cancel())).toEqual([expect.objectContaining({ revision: 2 })]);
    pass(499);
    expect(heard).toEqual([]);
    pass(1);
    expect(heard).toEqual(['/lights/1 param 1', '/lights/go event null']);
    pass(1_000);
    expect(heard).toHaveLength(2);
    expect(answerOf(first.cancel())).toEqual([expect.any(Number)]);
  });
});

describe('what a client announces', () => {
  beforeEach(begin(createClient));

  const definitions: SignalDefinition[] = [
    { address: '/fader/1', type: 'param', meta: { range: [0, 1] } },
    { address: '/go', type: 'event' },
  ];

  it('is acknowledged, and told again in each session', () => {
    const { relay } = made;
    const reply = answerOf(client.announce(definitions));
    const message = { type: 'ANNOUNCE', signals: definitions };
    expect(relay.peer.take()).toEqual([message]);
    relay.peer.send({ type: 'ACK' });
    expect(reply).toEqual([{ address: '/go' }]);
    for (let session = 0; session < 2; session++) {
      relay.peer.close();
      redial(made);
      relay.welcome();
      expect(relay.peer.take()).toEqual([message]);
    }
  });

  it('is told once in the next session when it was not acknowledged, and not again when it was refused', () => {
    const { relay } = made;
    client.announce(definitions);
    relay.peer.take();
    relay.peer.close();
    redial(made);
    relay.welcome();
    expect(relay.peer.take()).toHaveLength(1);
    relay.peer.send({ type: 'ERROR', code: 301, message: 'no scope', address: '/go' });
    relay.peer.close();
    redial(made);
    relay.welcome();
    expect(relay.peer.take()).toEqual([]);
  });

  it('is found by others at the real relay', () => {
    const { relay } = virtualRelay();
    const [desk, show] = [relay.client('desk'), relay.client('show')];
    expect(answerOf(desk.announce(definitions))).toMatchObject([{ address: '/fader/1' }]);
    const found = answerOf(show.query('/fader/*'))[0];
    expect(found).toMatchObject([{ address: '/fader/1', type: 'param' }]);
    desk.close();
    expect(answerOf(show.query('/fader/*'))).toEqual([[]]);
  });
});
