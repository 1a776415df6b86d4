import { beforeEach, describe, expect, it } from 'vitest';
import type { Client, OnOptions } from '../../core/client/client.ts';
import type { SyncMessage } from '../../core/wire/message.ts';
import {
  type ClientOnScript,
  change,
  clientOnScript,
  heardBy,
  inShort,
  redial,
  snapshot,
  state,
  welcomedClient,
} from '../../testing/client-on-script.ts';
import type { ScriptedRelay } from '../../testing/scripted-relay.ts';

let made: ClientOnScript;
let relay: ScriptedRelay;
let client: Client;

function start(how: typeof clientOnScript = welcomedClient): void {
  made = how();
  ({ relay, client } = made);
  if (how === welcomedClient) relay.peer.take();
}

const hear = (pattern: string, options?: OnOptions) => heardBy(client, pattern, options);

beforeEach(() => start());

describe('snapshots', () => {
  it('are heard once, though WELCOME and SUBSCRIBE both bring them', () => {
    start(clientOnScript);
    const heard = hear('/**');
    const narrow = hear('/a');
    relay.welcome([state('/a', 1, 1), state('/b', 2, 1)]);
    relay.peer.send(snapshot(state('/a', 1, 1), state('/b', 2, 1)));
    relay.peer.send(snapshot(state('/a', 1, 1)));
    relay.confirm();
    relay.peer.send(snapshot(state('/b', 2, 1)));
    expect(heard).toEqual(['/a param 1!', '/b param 2!']);
    expect(narrow).toEqual(['/a param 1!']);
  });

  it('do not bring back what a SET has already replaced', () => {
    const heard = hear('/**');
    relay.peer.send(change('/a', 2, 5));
    relay.peer.send(snapshot(state('/a', 1, 4), state('/b', 1, 1)));
    expect(heard).toEqual(['/a param 2', '/b param 1!']);
    expect(client.cached('/a')).toBe(2);
  });

  it('a SET out of the past is heard, and does not make the cache forget what is newer', () => {
    const heard = hear('/**');
    relay.peer.send(change('/a', 2, 5));
    relay.peer.send(change('/a', 1, 4));
    expect(heard).toEqual(['/a param 2', '/a param 1']);
    expect(client.cached('/a')).toBe(2);
  });

  it('of earlier sessions are forgotten also by a client that subscribes to nothing', () => {
    made = clientOnScript({ sync: true });
    ({ relay, client } = made);
    for (let session = 1; session <= 3; session++) {
      relay.welcome([state(`/of/${session}`, session, 1)]);
      // Until the relay has told what there is, what was there is the best guess.
      if (session > 1) expect(client.cached(`/of/${session - 1}`)).toBe(session - 1);
      const [asked] = relay.peer.take().filter(({ type }) => type === 'SYNC');
      relay.peer.send({ ...(asked as SyncMessage), t2: 0, t3: 0 });
      expect([1, 2, 3].map((nth) => client.cached(`/of/${nth}`) !== undefined)).toEqual(
        [1, 2, 3].map((nth) => nth === session),
      );
      relay.peer.close();
      redial(made);
    }
  });

  it('of a GET are heard only when they are news', () => {
    relay.peer.send(snapshot(state('/a', 1, 1)));
    const heard = hear('/**');
    relay.peer.send(snapshot(state('/a', 1, 1)));
    relay.confirm();
    relay.peer.send(snapshot(state('/a', 1, 1)));
    relay.peer.send(snapshot(state('/gone', null, 0)));
    expect(heard).toEqual(['/a param 1!']);
    relay.peer.send(snapshot(state('/a', 9, 2)));
    expect(heard).toEqual(['/a param 1!', '/a param 9!']);
  });

  it('are not heard by those who want no params', () => {
    const heard = hear('/**', { types: ['event'] });
    relay.peer.send(snapshot(state('/a', 1, 1)));
    expect(heard).toEqual([]);
    expect(client.cached('/a')).toBe(1);
  });

  it('are told anew to a subscriber that joins later, from what this client knows now', () => {
    const first = hear('/x/*');
    relay.peer.send(snapshot(state('/x/a', 1, 1), state('/x/b', 2, 1), state('/x/c', 3, 1)));
    relay.confirm();
    relay.peer.send(change('/x/a', 5, 2));
    relay.peer.send(change('/x/b', null, 2));
    relay.peer.send(change('/y', 7, 1));
    const second = hear('/x/*');
    expect(second).toEqual(['/x/a param 5!', '/x/c param 3!']);
    relay.peer.send(change('/x/a', 6, 3));
    expect(second.at(-1)).toBe('/x/a param 6');
    expect(first).toHaveLength(6);
    expect(relay.peer.take()).toEqual([]);
  });

  it('in the middle of which a subscriber joins are heard by it whole, and once', () => {
    relay.peer.send(snapshot(state('/a', 0, 0), state('/stale', 0, 1)));
    const first = hear('/**');
    relay.peer.send(snapshot(state('/a', 1, 1)));
    const second = hear('/**');
    expect(second).toEqual(['/a param 1!']);
    relay.peer.send(snapshot(state('/b', 2, 1)));
    relay.confirm();
    expect(second).toEqual(['/a param 1!', '/b param 2!']);
    expect(first).toEqual(second);
  });
});

describe('synced', () => {
  it('is called when the snapshot is complete, at once for those who join later', () => {
    const order: string[] = [];
    const on = (name: string, pattern: string) =>
      client.on(pattern, { synced: () => order.push(name) }).subscribe((signal) => order.push(inShort(signal)));
    on('first', '/a');
    on('second', '/a');
    on('other', '/b');
    relay.peer.send(snapshot(state('/a', 1, 1)));
    relay.peer.send({ type: 'ACK', address: '/a', correlationId: 1 });
    expect(order).toEqual(['/a param 1!', '/a param 1!', 'first', 'second']);
    on('late', '/a');
    expect(order.slice(4)).toEqual(['/a param 1!', 'late']);
    relay.peer.send({ type: 'ACK', address: '/b', correlationId: 2 });
    expect(order.slice(6)).toEqual(['other']);
  });

  it('is called also by a relay that names only the pattern', () => {
    let synced = 0;
    client.on('/a/*', { synced: () => synced++ }).subscribe();
    relay.peer.send({ type: 'ACK', address: '/b/*' });
    expect(synced).toBe(0);
    relay.peer.send({ type: 'ACK', address: '/a/*' });
    expect(synced).toBe(1);
  });

  it('that throws is told on errors with 500', () => {
    client
      .on('/a', {
        synced: () => {
          throw new Error('broken');
        },
      })
      .subscribe();
    relay.confirm();
    expect(made.codes()).toEqual([500]);
  });
});
