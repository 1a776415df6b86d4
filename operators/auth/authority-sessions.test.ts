// An authority at a router, in virtual time: what it withdraws ends the sessions that use it.
import { Observable, Subject, throwError } from 'rxjs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MemoryAuthStore } from '../../core/auth/auth-store.ts';
import { ClaspError } from '../../core/errors.ts';
import { nodeTokenCrypto as crypto } from '../../platform-node/token/node-token-crypto.ts';
import { type VirtualRelay, virtualRelay } from '../../testing/virtual-relay.ts';
import { type Authority, authority } from './authority.ts';

const ADMIN = 'an-admin-token-of-some-length';
let auth: Authority;
let relay: VirtualRelay;
beforeEach(() => {
  const now = () => relay.time.now();
  const passwords = { hash: (password: string) => password, verify: () => 'right' as const };
  auth = authority({ store: new MemoryAuthStore(), crypto, passwords, now, elapsed: now, adminToken: ADMIN });
  relay = virtualRelay({ authenticate: (token) => auth.authenticate(token) });
});
afterEach(() => relay.stop());

const issue = (scopes: string[], more: object = {}): { token: string; id: string } => {
  const answer = auth.issueToken({ bearer: ADMIN, body: { scopes, ...more } });
  return (answer as { body: unknown }).body as { token: string; id: string };
};

it('a session ends at once when its token is revoked, is told 302, and hears and writes nothing more (attack 6)', () => {
  const { token, id } = issue(['write:/**']);
  const [peer, other] = [relay.join('desk', token), relay.join('other', ADMIN)];
  peer.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
  peer.take();
  auth.revokeToken(id, { bearer: ADMIN });
  expect(peer.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 302, message: 'token revoked' })]);
  expect(peer.ended).toMatchObject({ code: 302 });
  peer.send({ type: 'SET', address: '/a', value: 1 });
  other.send({ type: 'SET', address: '/b', value: 1 });
  expect(peer.take()).toEqual([]);
  other.take();
  other.send({ type: 'GET', address: '/a' });
  expect(other.take()).toMatchObject([{ type: 'SNAPSHOT', params: [{ address: '/a', value: null }] }]);
  expect(other.ended).toBeUndefined();
  expect(auth.liveGrants).toBe(1);
});

it('a session that leaves is forgotten, one whose token expires is told so', () => {
  const { token } = issue(['read:/**'], { expires_in: 5 });
  const [leaving, staying] = [relay.join('a', token), relay.join('b', token)];
  leaving.connection.outgoing.complete();
  expect(auth.liveGrants).toBe(1);
  relay.pass(5_000);
  expect(staying.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 302, message: 'token expired' })]);
  expect(auth.liveGrants).toBe(0);
});

it('nobody comes in without a token, and a grant that ended before the greeting is none', () => {
  const none = relay.connect();
  none.hello('a');
  expect(none.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 300 })]);
  expect(none.ended).toMatchObject({ code: 300 });

  const gone = new Observable<ClaspError>((out) => out.next(new ClaspError(302, 'rights changed')));
  const broken = throwError(() => new ClaspError(302, 'token revoked'));
  for (const ended of [gone, broken]) {
    const strict = virtualRelay({ authenticate: () => ({ scopes: ['read:/**'], ended }) });
    const peer = strict.connect();
    peer.hello('a');
    expect(peer.take()).toEqual([expect.objectContaining({ type: 'ERROR', code: 302 })]);
    expect(strict.events.map(({ type }) => type)).toEqual(['refused']);
    strict.stop();
  }
});

it('a completed `ended` ends nothing', () => {
  const ended = new Subject<ClaspError>();
  const calm = virtualRelay({ authenticate: () => ({ scopes: ['read:/**'], ended }) });
  const peer = calm.join('a');
  ended.complete();
  expect(peer.ended).toBeUndefined();
  calm.stop();
});
