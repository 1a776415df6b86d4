import { NEVER } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ClaspError } from '../../core/errors.ts';
import { FailureDigest } from '../../operators/failure-digest.ts';
import { router } from '../../operators/router/router.ts';
import { BridgeStatus } from './bridge-status.ts';

describe('BridgeStatus', () => {
  it('writes the devices of a bridge when they are others, and again when it was gone', () => {
    const relay = router();
    const running = relay(NEVER).subscribe();
    const status = new BridgeStatus(() => relay.client('relay'));
    const seen: unknown[] = [];
    relay
      .client('app')
      .on('/clasp/bridges/*/devices')
      .subscribe((signal) => {
        if (signal.kind === 'param') seen.push(signal.value);
      });
    const tell = (...devices: string[]) => status.follow({ type: 'devices', bridge: 'rig', devices });
    tell('a', 'b');
    tell('a', 'b');
    tell('a');
    tell('a');
    status.follow({ type: 'devices', bridge: 'wash', devices: ['a'] });
    tell();
    tell();
    expect(seen).toEqual([['a', 'b'], ['a'], ['a'], []]);
    status.forget('rig');
    tell('a');
    expect(seen.slice(4)).toEqual([null, ['a']]);
    running.unsubscribe();
  });

  it('says how many failures a bridge had, and the newest, but not for ever about its own status', () => {
    const relay = router();
    const running = relay(NEVER).subscribe();
    const status = new BridgeStatus(() => relay.client('relay'));
    const seen: unknown[] = [];
    relay
      .client('app')
      .on('/clasp/bridges/osc/status')
      .subscribe((signal) => {
        if (signal.kind === 'param') seen.push(signal.value);
      });
    const digest = new FailureDigest();
    digest.failures.subscribe((failure) => status.follow({ type: 'failure', bridge: 'osc', failure }));
    status.follow({ type: 'ready', bridge: 'osc', address: 'a' });
    digest.report(503, 'packet dropped', { where: 'UDP' }, 243);
    const own = new ClaspError(402, 'a map', { address: '/clasp/bridges/osc/status' });
    status.follow({ type: 'failure', bridge: 'osc', failure: own });
    expect(status.failures).toEqual({ osc: 244 });
    expect(seen).toEqual([
      { state: 'ready', address: 'a' },
      { state: 'ready', address: 'a', failures: 243, failure: expect.stringContaining('UDP: packet dropped') },
    ]);
    expect(status.states).toEqual({ osc: 'ready' });
    status.forget('osc');
    expect(status.failures).toEqual({});
    digest.close();
    running.unsubscribe();
  });
});
