import { NEVER, type Subscription } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scopes } from '../../core/address/scope.ts';
import { type Router, router } from './router.ts';

const owner = scopes(['admin:/clasp/bridges/**']);
let relay: Router;
let running: Subscription;

beforeEach(() => {
  relay = router({ reserved: [{ pattern: '/clasp/bridges/**', owner }] });
  running = relay(NEVER).subscribe();
});
afterEach(() => running.unsubscribe());

describe('reserved addresses', () => {
  const refused = { code: 301, reason: 'only the relay itself writes /clasp/bridges/osc/status' };

  it('are written by their owner, and read by everybody', async () => {
    await relay.client('relay', owner).set('/clasp/bridges/osc/status', { state: 'ready' });
    expect(await relay.client('desk').get('/clasp/bridges/osc/status')).toEqual({ state: 'ready' });
  });

  it('are written by nobody else, in no way and with no scope', async () => {
    for (const desk of [relay.client('open'), relay.client('admin', ['admin:/**', 'admin:/clasp/bridges/**'])]) {
      await expect(desk.set('/clasp/bridges/osc/status', 1)).rejects.toMatchObject(refused);
      await expect(desk.emit('/clasp/bridges/osc/status')).rejects.toMatchObject(refused);
      await expect(desk.timeline('/clasp/bridges/osc/status', [{ time: 0, value: 1 }])).rejects.toMatchObject(refused);
      await expect(desk.bundle([{ set: ['/a', 1] }, { set: ['/clasp/bridges/osc/status', 1] }])).rejects.toMatchObject(
        refused,
      );
      expect(await desk.get('/a')).toBeNull();
      expect(await desk.get('/clasp/bridges/osc/status')).toBeNull();
    }
  });

  it('are announced by nobody else, wherever they stand among others', async () => {
    const signals = ['/a', '/clasp/bridges/osc/status', '/b'].map((address) => ({ address, type: 'param' as const }));
    await expect(relay.client('desk').announce(signals)).rejects.toMatchObject(refused);
    await expect(relay.client('desk').announce(signals.slice(0, 1))).resolves.toBeDefined();
  });

  it('are no others', async () => {
    const desk = relay.client('desk');
    expect((await desk.set('/clasp/bridge', 1)).revision).toBe(1);
    expect((await desk.set('/lights/1', 1)).revision).toBe(1);
  });
});
