import { Observable } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import type { Connections } from '../../core/connection/connection.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { readUtf8 } from '../../core/wire/bytes.ts';
import { answerOf, heardBy } from '../../testing/client-on-script.ts';
import { type VirtualRelay, virtualRelay } from '../../testing/virtual-relay.ts';
import { createClient, createLocalClient } from './client.ts';
import type { ClientOptions } from './relay-client.ts';

// The client against the real router, in virtual time.

let relay: VirtualRelay;
let hangUp: () => void;

/** Dials whatever relay runs at the moment. */
const dial: Connections = new Observable((out) => {
  const [here, there] = memoryPair();
  hangUp = () => there.outgoing.complete();
  relay.accept(there);
  out.next(here);
  return () => here.outgoing.complete();
});

const inProcess: typeof createClient = (connections, options = {}) => createLocalClient(connections, options, readUtf8);
const MAKERS = [
  ['over a connection', createClient],
  ["in the relay's process", inProcess],
] as const;
let make: typeof createClient;
const join = (options: ClientOptions = {}): Client =>
  make(dial, { scheduler: relay.time, random: () => 1, ...options });

beforeEach(() => {
  relay = virtualRelay();
});
afterEach(() => relay.stop());

describe.each(MAKERS)('clients of one relay, %s,', (_, maker) => {
  beforeEach(() => {
    make = maker;
  });

  it('hear what others write, emit and stream; of their own only the writes', () => {
    const [desk, show] = [join(), join()];
    const heard = [heardBy(desk, '/**'), heardBy(show, '/**')];
    desk.set('/a', 1);
    desk.emit('/cue', 'go');
    desk.stream('/level', 0.5);
    expect(heard).toEqual([['/a param 1'], ['/a param 1', '/cue event "go"', '/level stream 0.5']]);
  });

  it('join late into the whole snapshot, and are told when it is complete', () => {
    const desk = join();
    for (let i = 0; i < 3_000; i++) desk.set(`/many/${i}`, i);
    const late = join();
    let count = 0;
    let complete = 0;
    const synced = () => {
      complete = count;
    };
    late.on('/many/*', { synced }).subscribe(() => count++);
    expect([count, complete]).toEqual([3_000, 3_000]);
    expect(late.cached('/many/2999')).toBe(2_999);
  });

  it('get values, and null where there is none', () => {
    const [desk, show] = [join(), join()];
    desk.set('/a', [1, 2]);
    expect([answerOf(show.get('/a')), answerOf(show.get('/b'))]).toEqual([[[1, 2]], [null]]);
  });

  it('lock, unlock and compare revisions', () => {
    const [desk, show] = [join(), join()];
    const locked = answerOf(desk.set('/a', 1, { lock: true }));
    expect(locked).toEqual([{ address: '/a', revision: 1, locked: true, holder: desk.session }]);
    expect(answerOf(show.set('/a', 2))).toEqual([401]);
    expect(answerOf(desk.set('/a', 3, { unlock: true }))).toEqual([expect.objectContaining({ locked: false })]);
    expect(answerOf(show.set('/a', 4, { revision: 1 }))).toEqual([400]);
    expect(answerOf(show.set('/a', 4, { revision: 2 }))).toEqual([{ address: '/a', revision: 3 }]);
  });

  it('find what there is', () => {
    const [desk, show] = [join(), join()];
    for (const address of ['/x/1', '/x/2', '/y']) desk.set(address, 0);
    const found = answerOf(show.query('/x/*'))[0] as { address: string }[];
    expect(found.map(({ address }) => address).sort()).toEqual(['/x/1', '/x/2']);
  });

  it('are told by the relay what is wrong', () => {
    relay = virtualRelay({ authenticate: (token) => ({ scopes: token ? ['write:/**'] : ['read:/public/**'] }) });
    const guest = join();
    expect(answerOf(guest.set('/public/a', 1))).toEqual([301]);
    expect(answerOf(guest.get('/secret'))).toEqual([301]);
    expect(heardBy(guest, '/secret/**')).toEqual(['error 301']);
    const admin = join({ token: 'x' });
    expect(answerOf(admin.set('/public/a', 1))).toEqual([{ address: '/public/a', revision: 1 }]);
    expect(guest.cached('/public/a')).toBeUndefined();
  });
});

describe.each(MAKERS)('a client %s whose connection breaks', (_, maker) => {
  beforeEach(() => {
    make = maker;
  });

  it('comes back to what changed meanwhile, and writes what it had to write', () => {
    const desk = join();
    const show = join();
    const heard = heardBy(show, '/a/*');
    desk.set('/a/1', 1);
    desk.set('/a/2', 2);
    hangUp();
    desk.set('/a/1', null);
    desk.set('/a/2', 3);
    const late = answerOf(show.set('/a/3', 4));
    expect(late).toEqual([]);
    relay.pass(500);
    expect(heard.slice(2)).toEqual(['/a/2 param 3!', '/a/1 param null!', '/a/3 param 4']);
    expect(late).toEqual([{ address: '/a/3', revision: 1 }]);
    expect(desk.cached('/a/3')).toBeUndefined();
  });

  it('finds a relay that has forgotten everything, and brings what was not acknowledged', () => {
    const show = join();
    const heard = heardBy(show, '/**');
    show.set('/kept', 1);
    const before = relay;
    before.stop();
    const write = answerOf(show.set('/new', 2));
    relay = virtualRelay();
    before.pass(500);
    expect(heard).toEqual(['/kept param 1', '/kept param null!', '/new param 2']);
    expect(write).toEqual([{ address: '/new', revision: 1 }]);
    expect(show.cached('/kept')).toBeUndefined();
  });
});
