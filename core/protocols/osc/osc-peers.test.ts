import { describe, expect, it } from 'vitest';
import { OscPeers, type OscPeersOptions } from './osc-peers.ts';

const FLOAT = [{ type: 'f', value: 0.5 }] as const;

/** Which of the receivers would not get back what `from` said. */
function suppressed(options: OscPeersOptions, from: string): string[] {
  const peers = new OscPeers(options);
  peers.heard(from, '/osc/a', 0.5, FLOAT, 0);
  return [...(options.targets ?? []), ...peers.senders(0)].filter((to) => peers.isEcho(to, '/osc/a', 0.5, 0));
}

describe('OscPeers', () => {
  it('remembers the types last received at an address', () => {
    const peers = new OscPeers();
    expect(peers.tags('/osc/a')).toBeUndefined();
    peers.heard('10.0.0.1:1', '/osc/a', 5n, [{ type: 'i', value: 5 }], 0);
    expect(peers.tags('/osc/a')).toEqual(['i']);
    peers.heard('10.0.0.1:1', '/osc/a', 0.5, FLOAT, 0);
    expect(peers.tags('/osc/a')).toEqual(['f']);
    expect(peers.tags('/osc/b')).toBeUndefined();
  });

  it('keeps the types where a message has no arguments', () => {
    const peers = new OscPeers();
    peers.heard('10.0.0.1:1', '/osc/a', 5n, [{ type: 'i', value: 5 }], 0);
    peers.heard('10.0.0.1:1', '/osc/a', null, [], 0);
    expect(peers.tags('/osc/a')).toEqual(['i']);
    peers.heard('10.0.0.1:1', '/osc/b', null, [], 0);
    expect(peers.tags('/osc/b')).toBeUndefined();
  });

  it('forgets types rather than grow without end', () => {
    const peers = new OscPeers();
    for (let i = 0; i < 200_000; i++) peers.heard('10.0.0.1:1', `/osc/${i}`, 0.5, FLOAT, 0);
    const known = Array.from({ length: 200_000 }, (_, i) => peers.tags(`/osc/${199_999 - i}`)).filter(Boolean);
    expect(known.length).toBeLessThanOrEqual(65_536);
    expect(peers.tags('/osc/199999')).toBeDefined();
  });

  it('knows a target by address and port', () => {
    const targets = ['127.0.0.1:9000', '127.0.0.1:9001'];
    expect(suppressed({ targets }, '127.0.0.1:9001')).toEqual(['127.0.0.1:9001']);
  });

  it('knows a target that is given by name', () => {
    const resolve = (to: string) => to.replace('desk.local', '10.0.0.7');
    expect(suppressed({ targets: ['desk.local:9000'], resolve }, '10.0.0.7:9000')).toEqual(['desk.local:9000']);
  });

  it('knows a device that sends from another port than it listens on, if nothing else is at its address', () => {
    const targets = ['10.0.0.7:9000', '10.0.0.8:9000', '10.0.0.8:9001', '127.0.0.1:9000'];
    expect(suppressed({ targets }, '10.0.0.7:51234')).toEqual(['10.0.0.7:9000']);
    expect(suppressed({ targets }, '10.0.0.8:51234')).toEqual([]);
    expect(suppressed({ targets }, '127.0.0.1:51234')).toEqual([]);
    expect(suppressed({ targets, echoBy: 'port' }, '10.0.0.7:51234')).toEqual([]);
    expect(suppressed({ targets, echoBy: 'host' }, '10.0.0.8:51234')).toEqual(['10.0.0.8:9000', '10.0.0.8:9001']);
    expect(suppressed({ targets, echoBy: 'host' }, '127.0.0.1:51234')).toEqual(['127.0.0.1:9000']);
  });

  it('answers senders only where asked to, none of them twice, and not with their own words', () => {
    expect(new OscPeers().senders(0)).toEqual([]);
    expect(suppressed({ replyToSenders: true }, '10.0.0.7:5000')).toEqual(['10.0.0.7:5000']);
    const peers = new OscPeers({ replyToSenders: true, targets: ['10.0.0.7:5000'] });
    for (const from of ['10.0.0.7:5000', '10.0.0.8:5000', '10.0.0.8:5000']) peers.heard(from, '/osc/a', 0.5, FLOAT, 0);
    expect(peers.senders(0)).toEqual(['10.0.0.8:5000']);
  });

  it('forgets senders that have been silent, and the most silent ones when there are too many', () => {
    const peers = new OscPeers({ replyToSenders: true, senderTimeout: 100, maxSenders: 3 });
    const said = (from: string, at: number) => peers.heard(from, '/osc/a', 0.5, FLOAT, at);
    said('a:1', 0);
    said('b:1', 10);
    said('c:1', 20);
    said('a:1', 30);
    said('d:1', 40);
    expect(peers.senders(50)).toEqual(['a:1', 'c:1', 'd:1']);
    expect(peers.senders(125)).toEqual(['a:1', 'd:1']);
    expect(peers.senders(1_000)).toEqual([]);
  });
});
