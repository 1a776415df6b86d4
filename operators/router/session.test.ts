import { NEVER, type SchedulerLike, VirtualTimeScheduler } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import { ClaspError } from '../../core/errors.ts';
import type { Message, SnapshotMessage, WelcomeMessage } from '../../core/wire/message.ts';
import { routerRig, set, TOKENS } from '../../testing/router-rig.ts';
import { wirePeer } from '../../testing/wire-peer.ts';

const types = (messages: readonly Message[]) => messages.map(({ type }) => type);

const rig = routerRig();
beforeEach(() => rig.start());
afterEach(() => rig.stop());

describe('a session', () => {
  it('gets WELCOME and an empty SNAPSHOT after HELLO', () => {
    const peer = rig.connect();
    peer.hello('probe');
    const [welcome, snapshot] = peer.take() as [WelcomeMessage, SnapshotMessage];
    expect(welcome).toMatchObject({ type: 'WELCOME', version: 1, name: 'clasp-rx' });
    expect(welcome.session).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(welcome.features).toEqual(['param', 'event', 'stream', 'gesture', 'timeline']);
    expect(snapshot).toEqual({ type: 'SNAPSHOT', params: [] });
    expect(rig.events).toEqual([{ type: 'session-opened', session: expect.objectContaining({ name: 'probe' }) }]);
  });

  it('is closed with 101 when it does not greet first, and with 100 when it sends garbage', () => {
    const rude = rig.connect();
    rude.send(set('/a', 1));
    expect(rude.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 101 })]);
    expect(rude.ended).toMatchObject({ code: 101 });

    const garbled = rig.connect();
    garbled.sendBytes(new Uint8Array([1, 2, 3]));
    expect(garbled.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 100 })]);
    expect(garbled.ended).toBeInstanceOf(ClaspError);
  });

  it('is closed with 101 when HELLO does not come within 10 s', () => {
    const silent = rig.connect();
    rig.pass(9_999);
    expect(silent.ended).toBeUndefined();
    rig.pass(1);
    expect(silent.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 101 })]);
    expect(silent.ended).toBeInstanceOf(ClaspError);
  });

  it('is closed with 502 when HELLO came and the authentication takes longer', () => {
    rig.start({ authenticate: () => NEVER });
    const peer = rig.connect();
    rig.pass(4_000);
    peer.hello();
    rig.pass(5_999);
    expect(peer.take()).toEqual([]);
    rig.pass(1);
    const error = { code: 502, message: 'the authentication took too long' };
    expect(peer.take()).toEqual([expect.objectContaining({ type: 'ERROR', ...error })]);
    expect(peer.ended).toMatchObject({ code: 502 });
  });

  it('is closed with 102 for version 0, and answered with version 1 for any later one', () => {
    const old = rig.connect();
    old.send({ type: 'HELLO', version: 0, name: 'old', features: [] });
    expect(old.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 102 })]);
    const future = rig.connect();
    future.send({ type: 'HELLO', version: 7, name: 'future', features: [] });
    expect(future.take()[0]).toMatchObject({ type: 'WELCOME', version: 1 });
  });

  it('survives a second HELLO and bad frames, until there are ten of them within 10 s', () => {
    const peer = rig.join();
    peer.hello();
    expect(peer.take()).toEqual([expect.objectContaining({ code: 101 })]);
    for (let i = 0; i < 8; i++) peer.sendBytes(new Uint8Array([0x53]));
    expect(types(peer.take())).toEqual(Array(8).fill('ERROR'));
    expect(peer.ended).toBeUndefined();
    peer.sendBytes(new Uint8Array([0x53]));
    expect(peer.ended).toMatchObject({ code: 100 });
  });

  it('survives any number of bad frames that are further apart', () => {
    const peer = rig.join();
    for (let i = 0; i < 30; i++) {
      peer.sendBytes(new Uint8Array([0x53]));
      rig.pass(1_200);
    }
    expect(peer.ended).toBeUndefined();
  });

  it('is refused with 503 when there are too many', () => {
    rig.start({ maxSessions: 1 });
    const first = rig.join();
    const second = rig.connect();
    expect(second.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 503 })]);
    expect(second.ended).toBeInstanceOf(ClaspError);
    first.close();
    expect(
      types(
        (() => {
          const third = rig.connect();
          third.hello();
          return third.take();
        })(),
      ),
    ).toContain('WELCOME');
  });

  it('is counted for as long as it is there, and clients of this process never are', () => {
    rig.start({ maxSessions: 1 });
    for (let i = 0; i < 3; i++) rig.relay.client(`ours ${i}`).close();
    const ours = rig.relay.client('ours');
    const first = rig.join();
    for (let i = 0; i < 2; i++) expect(types(rig.connect().take())).toEqual(['ERROR']);
    ours.close();
    expect(types(rig.connect().take())).toEqual(['ERROR']);
    expect(first.ended).toBeUndefined();
  });

  it('ends with reason idle after the timeout, and any frame counts as life', () => {
    rig.start({ sessionTimeout: 1_000 });
    const peer = rig.join();
    rig.pass(900);
    peer.send({ type: 'PING' });
    rig.pass(900);
    expect(peer.ended).toBeUndefined();
    rig.pass(100);
    expect(peer.ended).toMatchObject({ reason: 'idle' });
    expect(rig.events.at(-1)).toMatchObject({ type: 'session-closed', reason: { reason: 'idle' } });
  });

  it('is asked by its transport when half of the timeout has passed, and lives on when it answers', () => {
    rig.start({ sessionTimeout: 1_000 });
    const [here, there] = memoryPair();
    let asked = 0;
    const peer = wirePeer(here);
    const { id, incoming, outgoing, saturated } = there;
    const ping = (answered: () => void) => {
      asked++;
      answered();
    };
    rig.accept({ id, incoming, outgoing, saturated, ping });
    peer.hello();
    rig.pass(10_000);
    expect(asked).toBe(20);
    expect(peer.ended).toBeUndefined();
  });

  it('is asked once in a silence, again after the next frame, and ends when it does not answer', () => {
    rig.start({ sessionTimeout: 1_000 });
    const [here, there] = memoryPair();
    const peer = wirePeer(here);
    const { id, incoming, outgoing, saturated } = there;
    let asked = 0;
    rig.accept({ id, incoming, outgoing, saturated, ping: () => asked++ });
    peer.hello();
    rig.pass(999);
    expect([asked, peer.ended]).toEqual([1, undefined]);
    peer.send({ type: 'PING' });
    rig.pass(999);
    expect([asked, peer.ended]).toEqual([2, undefined]);
    rig.pass(1);
    expect([asked, peer.ended]).toEqual([2, expect.objectContaining({ reason: 'idle' })]);
  });

  it('is authenticated by its token, at once or later', async () => {
    rig.start({
      authenticate: (token) => {
        const list = TOKENS[token ?? ''];
        if (!list) throw new ClaspError(300, 'unknown token');
        return token === 'admin' ? Promise.resolve({ scopes: list }) : { scopes: list };
      },
    });
    const stranger = rig.connect();
    stranger.hello('stranger');
    expect(stranger.take()).toEqual([{ type: 'ERROR', code: 300, message: 'unknown token' }]);
    expect(stranger.ended).toMatchObject({ code: 300, reason: 'unknown token' });

    const late = rig.connect();
    late.hello('late', 'admin');
    late.send(set('/early', 1), { qos: 1 });
    expect(late.take()).toEqual([]);
    await Promise.resolve().then(() => Promise.resolve());
    expect(types(late.take())).toEqual(['WELCOME', 'SNAPSHOT', 'ACK']);
  });

  it('is closed with 302 when its grant ends', () => {
    rig.start({ authenticate: () => ({ scopes: ['read:/**'], expiresAt: 5_000 }) });
    const peer = rig.join();
    rig.pass(4_999);
    expect(peer.ended).toBeUndefined();
    rig.pass(1);
    expect(peer.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 302 })]);
    expect(peer.ended).toMatchObject({ code: 302 });
  });

  it('may have a grant that ends in a year: no timer is set further ahead than hosts can count', () => {
    const delays: number[] = [];
    const time = new VirtualTimeScheduler();
    const schedule: SchedulerLike['schedule'] = (work: never, delay = 0, state?: never) => {
      delays.push(delay);
      return time.schedule(work, delay, state);
    };
    const scheduler: SchedulerLike = { now: () => time.now(), schedule };
    rig.start({ scheduler, sessionTimeout: 0, authenticate: () => ({ scopes: [], expiresAt: 365 * 86_400_000 }) });
    rig.join();
    time.maxFrames = 20_000; // the handshake's deadline passes, and the next one is looked for
    time.flush();
    expect(Math.max(...delays)).toBe(2 ** 31 - 1);
  });

  it('is refused where the end of its grant is no time, instead of being without an end', () => {
    const { exp }: { readonly exp?: number } = {};
    rig.start({ authenticate: () => ({ scopes: ['read:/**'], expiresAt: Number(exp) * 1000 }) });
    const peer = rig.connect();
    peer.hello();
    expect(peer.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 300 })]);
    expect(peer.ended).toMatchObject({ code: 300, reason: 'expiresAt of the grant must be a time, not NaN' });
  });

  it('treats whatever authenticate throws as a refusal, of which the peer is not told what it says', () => {
    const bug = new TypeError('cannot reach database at 10.0.0.5');
    rig.start({
      authenticate: () => {
        throw bug;
      },
    });
    const peer = rig.connect();
    peer.hello();
    expect(peer.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 300, message: 'not authenticated' })]);
    expect(peer.ended).toMatchObject({ code: 300, reason: 'not authenticated', cause: bug });
  });
});
