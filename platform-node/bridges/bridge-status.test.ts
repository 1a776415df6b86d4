import { NEVER } from 'rxjs';
import { describe, expect, it } from 'vitest';
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
});
