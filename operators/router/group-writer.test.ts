import { NEVER, of, throwError, VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import { ClaspError } from '../../core/errors.ts';
import type { Param } from '../../core/signal/signal.ts';
import { GroupWriter, type WriteGroup } from './group-writer.ts';
import { router } from './router.ts';

const NOW = 1_700_000_000_000_000;
const group = (at: number | undefined, ...addresses: string[]): WriteGroup => ({
  params: addresses.map((address): Param => ({ kind: 'param', address, value: 1 })),
  at,
});

/** A client that notes what is asked of it; `answer` says what becomes of bundles. */
function noting(answer: () => unknown) {
  const scheduler = new VirtualTimeScheduler(undefined, 10_000);
  const asked: string[] = [];
  const client = {
    time: () => NOW + scheduler.now() * 1_000,
    set: (address: string) => void asked.push(`set ${address}`),
    bundle: (parts: readonly { set: readonly [string] }[], { at }: { at?: number }) => {
      asked.push(`bundle ${parts.map(({ set }) => set[0])}${at === undefined ? '' : ` at +${(at - NOW) / 1_000} ms`}`);
      return answer();
    },
  } as unknown as Client;
  return { writer: new GroupWriter(client, scheduler), asked: () => asked.splice(0), scheduler };
}

describe('GroupWriter', () => {
  it('writes one param alone, several as a bundle, and those ahead as a bundle for later', () => {
    const { writer, asked } = noting(() => of({}));
    writer.write(group(undefined, '/a'));
    writer.write(group(undefined, '/a', '/b'));
    writer.write(group(NOW - 5, '/a', '/b'));
    writer.write(group(NOW + 250_000, '/a'));
    expect(asked()).toEqual(['set /a', 'bundle /a,/b', 'bundle /a,/b', 'bundle /a at +250 ms']);
  });

  it('writes one by one where the relay has no bundles, from then on', () => {
    const { writer, asked } = noting(() => throwError(() => new ClaspError(501, 'no bundles')));
    writer.write(group(undefined, '/a', '/b'));
    writer.write(group(undefined, '/c', '/d'));
    expect(asked()).toEqual(['bundle /a,/b', 'set /a', 'set /b', 'set /c', 'set /d']);
  });

  it('keeps what is for later itself where the relay does not, and drops it when closed', () => {
    const { writer, asked, scheduler } = noting(() => throwError(() => new ClaspError(501, 'no schedule')));
    writer.write(group(NOW + 20_000, '/a'));
    writer.write(group(NOW + 10_000, '/b'));
    expect(asked()).toEqual(['bundle /a at +20 ms']);
    scheduler.maxFrames = 12;
    scheduler.flush();
    expect(asked()).toEqual(['set /b']);
    writer.close();
    scheduler.maxFrames = 100;
    scheduler.flush();
    expect(asked()).toEqual([]);
  });

  it('does not write what the relay refused for another reason', () => {
    const { writer, asked } = noting(() => throwError(() => new ClaspError(401, 'locked')));
    writer.write(group(undefined, '/a', '/b'));
    expect(asked()).toEqual(['bundle /a,/b']);
  });

  it('writes one by one while too many bundles are unanswered', () => {
    const { writer, asked } = noting(() => NEVER);
    for (let i = 0; i < 300; i++) writer.write(group(undefined, '/a', '/b'));
    const done = asked();
    expect(done.filter((text) => text.startsWith('bundle'))).toHaveLength(256);
    expect(done.at(-1)).toBe('set /b');
  });

  it('keeps what is for later itself while too many bundles are unanswered', () => {
    const { writer, asked, scheduler } = noting(() => NEVER);
    for (let i = 0; i < 258; i++) writer.write(group(NOW + 50_000, '/a', '/b'));
    expect(asked().filter((text) => text === 'bundle /a,/b at +50 ms')).toHaveLength(256);
    scheduler.maxFrames = 49;
    scheduler.flush();
    expect(asked()).toEqual([]);
    scheduler.maxFrames = 50;
    scheduler.flush();
    expect(asked()).toEqual(['set /a', 'set /b', 'set /a', 'set /b']);
  });

  it('writes events as events, alone and in a bundle', () => {
    const asked: unknown[] = [];
    const client = {
      time: () => NOW,
      emit: (address: string, value: unknown) => {
        asked.push(['emit', address, value]);
        return of({});
      },
      bundle: (parts: unknown) => {
        asked.push(parts);
        return of({});
      },
    } as unknown as Client;
    const writer = new GroupWriter(client);
    const go = { kind: 'event', address: '/go', value: null } as const;
    writer.write({ params: [go], at: undefined });
    writer.write({ params: [{ kind: 'param', address: '/a', value: 1 }, go], at: undefined });
    expect(asked).toEqual([
      ['emit', '/go', null],
      [{ set: ['/a', 1] }, { emit: ['/go', null] }],
    ]);
  });

  it('drops events of which thousands are unanswered, and tells of each', () => {
    const failures: ClaspError[] = [];
    const client = { time: () => NOW, emit: () => NEVER } as unknown as Client;
    const writer = new GroupWriter(client, undefined, { failed: (failure) => failures.push(failure) });
    for (let i = 0; i < 4_100; i++)
      writer.write({ params: [{ kind: 'event', address: '/go', value: i }], at: undefined });
    expect(failures.map(({ code, address }) => `${code} ${address}`)).toEqual(Array(4).fill('503 /go'));
  });

  it('lets no sender whose clock is ahead take the places of the others', async () => {
    const relay = router();
    const running = relay(NEVER).subscribe();
    const client = relay.client('bridge');
    const failures: ClaspError[] = [];
    client.errors.subscribe((failure) => failures.push(failure));
    const writer = new GroupWriter(client, undefined, { failed: (failure) => failures.push(failure) });
    const hour = client.time() + 3_600_000_000;
    for (let i = 0; i < 1_500; i++) writer.write({ ...group(hour, '/wrong'), from: '10.0.0.7' });
    expect(failures).toHaveLength(700);
    expect(failures[0]).toMatchObject({
      code: 400,
      reason: '10.0.0.7: too many bundles wait for their time, 800 of this sender',
    });
    for (let i = 0; i < 100; i++) writer.write({ ...group(hour, '/right'), from: '10.0.0.8' });
    expect(failures).toHaveLength(700);
    const waiting = await client.query('/clasp/schedule/*');
    expect(waiting).toHaveLength(900);
    running.unsubscribe();
  });

  it('has our relay apply a bundle at its time, and all of it or nothing', async () => {
    const relay = router();
    const running = relay(NEVER).subscribe();
    const app = relay.client('app');
    const client = relay.client('bridge');
    const writer = new GroupWriter(client);
    writer.write(group(client.time() + 150_000, '/a', '/b'));
    await app.set('/locked', 0, { lock: true });
    writer.write(group(undefined, '/c', '/locked'));
    expect(await app.get('/a')).toBeNull();
    await vi.waitFor(async () => expect([await app.get('/a'), await app.get('/b')]).toEqual([1, 1]), 5_000);
    expect(await app.get('/c')).toBeNull();
    running.unsubscribe();
  });
});
