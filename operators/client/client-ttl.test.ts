import { describe, expect, it } from 'vitest';
import { welcomedClient } from '../../testing/client-on-script.ts';

describe('set with a ttl', () => {
  it.each([
    [{ ttl: 5 }, { seconds: 5, mode: 'sliding' }],
    [
      { ttl: 5, absolute: true },
      { seconds: 5, mode: 'absolute' },
    ],
    [
      { ttl: 5, absolute: false },
      { seconds: 5, mode: 'sliding' },
    ],
    [{ ttl: { seconds: 5, mode: 'absolute' as const } }, { seconds: 5, mode: 'absolute' }],
  ])('%j tells the relay', (options, ttl) => {
    const { relay, client } = welcomedClient();
    client.set('/a', 1, options);
    expect(relay.peer.take()).toMatchObject([{ type: 'SET', address: '/a', ttl }]);
  });
});
