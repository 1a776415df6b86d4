import type { ServerResponse } from 'node:http';
import { NEVER, type Subscription, VirtualTimeScheduler } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../operators/router/authenticate.ts';
import { router } from '../../operators/router/router.ts';
import { BearerClients } from './bearer-clients.ts';
import { eventFeeds } from './http-events.ts';
import type { HttpResponse } from './http-routes.ts';

let running: Subscription | undefined;
afterEach(() => running?.unsubscribe());

const MINUTE = 60_000;

/** The feeds of a relay whose time stands still between calls of `pass`. */
function rig(authenticate?: (token: string | undefined) => Grant) {
  const time = new VirtualTimeScheduler();
  const relay = router();
  running = relay(NEVER).subscribe();
  const join = relay.client;
  const feeds = eventFeeds(new BearerClients({ join, authenticate, name: 'http', scheduler: time }), time);
  const ask = (
    pattern: string,
    method = 'GET',
    headers: Record<string, string> = {},
    more: Record<string, string> = {},
  ) => {
    const text = () => Promise.resolve('');
    const query = new URLSearchParams({ pattern, ...more });
    return feeds.answer({ method, path: '/v1/events', rest: '', query, headers, peer: undefined, text }, 'token');
  };
  const pass = (milliseconds: number) => {
    time.maxFrames = time.frame + milliseconds;
    time.flush();
    time.frame = time.maxFrames;
  };
  return { ask, pass, app: relay.client('app') };
}

/** Reads a stream of events until it leaves; all of it waits for one that is slow. */
function hear({ stream }: HttpResponse, isSlow = false) {
  let told = '';
  let longest = 0;
  let isEnded = false;
  const outgoing = {
    writableLength: 0,
    write: (text: string) => {
      told += text;
      longest = Math.max(longest, text.length);
      if (isSlow) outgoing.writableLength += Buffer.byteLength(text);
    },
    end: () => {
      isEnded = true;
    },
    destroy: () => {
      isEnded = true;
    },
  };
  const leave = stream?.(outgoing as unknown as ServerResponse) ?? (() => undefined);
  return {
    leave,
    ended: () => isEnded,
    get told() {
      return told;
    },
    get longest() {
      return longest;
    },
  };
}

describe('feeds of events', () => {
  it('that only HEAD asked for end after a minute, so that a thousand of them keep nobody out', async () => {
    const { ask, pass } = rig();
    for (let i = 0; i < 1000; i++) expect((await ask(`/p/${i}`, 'HEAD')).status).toBe(200);
    await expect(ask('/other')).rejects.toMatchObject({ code: 503 });
    pass(MINUTE);
    expect((await ask('/other')).status).toBe(200);
  });

  it('begin with what is there in pieces, since all of it may be longer than a string can be', async () => {
    const { ask, app } = rig();
    // Six times as long as JSON.
    const value = '\u0001'.repeat(65_000);
    for (let i = 0; i < 40; i++) await app.set(`/p/${i}`, value);
    const listener = hear(await ask('/**'));
    expect(listener.told.match(/^event: param$/gm)).toHaveLength(40);
    expect(listener.told.length).toBeGreaterThan(40 * 6 * 65_000);
    expect(listener.longest).toBeLessThan(2 * 1024 * 1024);
    expect(listener.ended()).toBe(false);
  });

  it('are made anew for who comes back with other rights', async () => {
    let scopes = ['read:/**'];
    const { ask, pass, app } = rig(() => ({ scopes }));
    await app.set('/secret/1', 'before');
    const first = hear(await ask('/**'));
    expect(first.told).toContain('before');
    // The same rights, asked for again: the same feed.
    pass(MINUTE);
    const second = hear(await ask('/**'));
    await app.set('/open/1', 1);
    expect([first.told, second.told]).toEqual([expect.stringContaining('/open/1'), expect.stringContaining('/open/1')]);
    first.leave();

    scopes = ['read:/open/**'];
    pass(MINUTE);
    const third = hear(await ask('/**'));
    // Whoever is left listening with the old rights is cut off, and comes back with the new.
    expect([second.ended(), third.ended()]).toEqual([true, false]);
    await app.set('/secret/1', 'after');
    await app.set('/open/2', 2);
    expect(third.told).not.toContain('secret');
    expect(third.told).toContain('/open/2');
    expect(second.told).not.toContain('after');
  });
  it('begin with however many params there are, and cut off who then lags by more than 1 MiB', async () => {
    const { ask, app } = rig();
    for (let i = 0; i < 40; i++) await app.set(`/big/${i}`, 'x'.repeat(60_000));
    const slow = hear(await ask('/**'), true);
    expect(slow.told.match(/^event: param$/gm)).toHaveLength(40);
    for (let i = 0; i < 17; i++) await app.emit('/e', 'x'.repeat(60_000));
    expect([slow.ended(), slow.told.match(/^event: event$/gm)?.length]).toEqual([false, 17]);
    await app.emit('/e', 'x'.repeat(60_000));
    expect(slow.ended()).toBe(true);
  });

  it('begin again for who was cut off before all of the beginning had come, and resume after `synced`', async () => {
    const { ask, app } = rig();
    for (let i = 0; i < 5; i++) await app.set(`/p/${i}`, i);
    /** Ends after so many events, with the id that an EventSource has then: the last that was told. */
    const cut = async (events: number, lastId?: string) => {
      const listener = hear(await ask('/**', 'GET', lastId === undefined ? {} : { 'last-event-id': lastId }));
      listener.leave();
      const blocks = listener.told.split('\n\n').filter((block) => block.includes('event: '));
      const ids = blocks.slice(0, events).flatMap((block) => /^id: (.*)$/m.exec(block)?.[1] ?? []);
      return { last: ids.at(-1) ?? lastId, kinds: blocks.map((block) => /^event: (.*)$/m.exec(block)?.[1]) };
    };
    const whole = [...Array(5).fill('param'), 'synced'];
    for (let events = 0; events <= 5; events++) {
      const first = await cut(events);
      expect([first.last, (await cut(6, first.last)).kinds]).toEqual([undefined, whole]);
    }
    const synced = (await cut(6)).last;
    expect((await cut(6, synced)).kinds).toEqual([]);
    await app.set('/p/1', 'missed');
    expect((await cut(6, synced)).kinds).toEqual(['param']);
    // With an id of before, that nobody knows any more, it is the same.
    const old = await cut(3, 'gone-7');
    expect([old.last, (await cut(6, old.last)).kinds]).toEqual(['gone-7', whole]);
  });

  it.each(['lastEventId', 'last-event-id', 'Last-Event-ID'])('resume after the id in the query: %s', async (name) => {
    const { ask, app } = rig();
    const first = hear(await ask('/**'));
    await app.emit('/e', 'one');
    await app.emit('/e', 'two');
    const ids = [...first.told.matchAll(/^id: (.*)$/gm)].map(([, id]) => id as string);
    const resumed = hear(await ask('/**', 'GET', {}, { [name]: ids.at(-2) as string })).told;
    expect([resumed.includes('synced'), resumed.includes('"one"'), resumed.includes('"two"')]).toEqual([
      false,
      false,
      true,
    ]);
    // The header is newer: the query stays what it was when a browser comes back.
    const both = hear(await ask('/**', 'GET', { 'last-event-id': ids.at(-1) as string }, { [name]: ids[0] as string }));
    expect(both.told).not.toContain('event: ');
  });

  it.each([
    ['1000 events', 10, 1000],
    ['1 MiB', 60_000, 17],
    ['1 MiB of letters of two bytes', 30_000, 17],
  ])('remember at most %s for who comes back, the newest', async (what, length, most) => {
    const { ask, app } = rig();
    const first = hear(await ask('/**'));
    const letter = what.includes('letters') ? 'ü' : 'x';
    for (let i = 0; i < most + 5; i++) await app.emit('/e', `${i}-${letter.repeat(length)}`);
    const ids = [...first.told.matchAll(/^id: (.*)$/gm)].map(([, id]) => id as string);
    const come = async (last: number) =>
      hear(await ask('/**', 'GET', { 'last-event-id': ids.at(last) as string })).told;
    const resumed = await come(-most - 1);
    expect(resumed).not.toContain('event: synced');
    expect(resumed.match(/^event: event$/gm)).toHaveLength(most);
    expect(resumed).toContain(`"${most + 4}-`);
    // What is forgotten cannot be given any more: it begins anew.
    expect(await come(-most - 2)).toContain('event: synced');
    first.leave();
  });
});
