import { describe, expect, it } from 'vitest';
import type { ClaspError } from '../core/errors.ts';
import type { OscMessage } from '../core/protocols/osc/osc.ts';
import { decodeOsc } from '../core/protocols/osc/osc-decode.ts';
import { oscTagsOf } from '../core/protocols/osc/osc-mapping.ts';
import { OscPeers } from '../core/protocols/osc/osc-peers.ts';
import type { Signal } from '../core/signal/signal.ts';
import type { Value } from '../core/signal/value.ts';
import { type OscSinkOptions, oscSink } from './osc.ts';

const DESK = '10.0.0.7:9000';
const TABLET = '10.0.0.8:9000';
const param = (address: string, value: Value): Signal => ({ kind: 'param', address, value });

/** A sink in stopped time, and what it sent, as `target address ,tags values`. */
function open(options: OscSinkOptions) {
  const sent: string[] = [];
  const buffers = new Set<Uint8Array>();
  const failures: ClaspError[] = [];
  const sink = oscSink(
    (bytes, to) => {
      const { address, args } = decodeOsc(bytes) as OscMessage;
      buffers.add(bytes);
      sent.push([to, address, `,${oscTagsOf(args).join('')}`, ...args.map(({ value }) => String(value))].join(' '));
    },
    { scheduler: { now: () => 0 } as never, ...options },
  );
  sink.failures.subscribe((failure) => failures.push(failure));
  return { sink, sent, buffers, failures };
}

describe('oscSink', () => {
  it('sends params, events and samples to every target, encoded once', () => {
    const { sink, sent, buffers } = open({ targets: [DESK, TABLET] });
    sink.next(param('/osc/mixer/1', 0.75));
    sink.next({ kind: 'event', address: '/osc/go', value: null });
    sink.next({ kind: 'stream', address: '/osc/meter', value: 2, samples: [1, 2] });
    expect(sent).toEqual([
      `${DESK} /mixer/1 ,f 0.75`,
      `${TABLET} /mixer/1 ,f 0.75`,
      `${DESK} /go ,`,
      `${TABLET} /go ,`,
      `${DESK} /meter ,f 2`,
      `${TABLET} /meter ,f 2`,
    ]);
    expect(buffers.size).toBe(3);
  });

  it('tells that a param was deleted only where that is no event to the receiver', () => {
    const options = { targets: [DESK], hints: { '/null/*': 'N' } };
    for (const noArguments of ['event', 'get', 'param'] as const) {
      const { sink, sent, failures } = open({ ...options, noArguments });
      sink.next(param('/osc/a', null));
      sink.next(param('/osc/null/b', null));
      const all = [`${DESK} /a ,`, `${DESK} /null/b ,N null`];
      expect([sent, failures]).toEqual([noArguments === 'param' ? all : all.slice(1), []]);
    }
  });

  it('sends nothing at all where there is nobody', () => {
    for (const options of [{ targets: [] }, { peers: new OscPeers() }, { targets: [], peers: new OscPeers() }]) {
      const { sink, sent, failures } = open(options);
      sink.next(param('/osc/a', 1));
      expect([sent, failures]).toEqual([[], []]);
    }
  });

  it('sends once, to no target, where neither targets nor peers are given', () => {
    const calls: unknown[][] = [];
    const sink = oscSink((...call: unknown[]) => calls.push(call), { hints: { '/led/*': 'i' } });
    sink.next(param('/osc/led/1', 1));
    sink.next(param('/osc/led/1', 1));
    expect(calls.map(([bytes, target]) => [decodeOsc(bytes as Uint8Array), target])).toEqual([
      [{ address: '/led/1', args: [{ type: 'i', value: 1 }] }, undefined],
      [{ address: '/led/1', args: [{ type: 'i', value: 1 }] }, undefined],
    ]);
  });

  it('sends the types that were received at the address', () => {
    const peers = new OscPeers({ targets: [DESK] });
    peers.heard('10.0.0.99:1', '/osc/a', 5n, [{ type: 'i', value: 5 }], 0);
    const { sink, sent } = open({ targets: [DESK], peers });
    sink.next(param('/osc/a', 7));
    sink.next(param('/osc/a', 7.5));
    sink.next(param('/osc/b', 7));
    expect(sent).toEqual([`${DESK} /a ,i 7`, `${DESK} /a ,f 7.5`, `${DESK} /b ,f 7`]);
  });

  it('sends the types of the hints: the target’s own, then the common ones, then those received', () => {
    const peers = new OscPeers();
    for (const address of ['/osc/led/1', '/osc/fader/1', '/osc/other']) {
      peers.heard('10.0.0.99:1', address, 5n, [{ type: 'h', value: 5n }], 0);
    }
    const { sink, sent } = open({
      targets: [DESK, { to: TABLET, hints: { '/led/*': 'd' } }],
      hints: { '/led/*': 'i', '/fader/*': 'f' },
      peers,
    });
    for (const address of ['/osc/led/1', '/osc/fader/1', '/osc/other']) sink.next(param(address, 1));
    expect(sent).toEqual([
      `${DESK} /led/1 ,i 1`,
      `${TABLET} /led/1 ,d 1`,
      `${DESK} /fader/1 ,f 1`,
      `${TABLET} /fader/1 ,f 1`,
      `${DESK} /other ,h 1`,
      `${TABLET} /other ,h 1`,
    ]);
  });

  it('refuses hints that cannot be read, at once', () => {
    expect(() => oscSink(() => undefined, { hints: { 'no slash': 'i' } })).toThrow('202');
    expect(() => oscSink(() => undefined, { targets: [{ to: DESK, hints: { '/a': 'x' } }] })).toThrow('402');
  });

  it('does not send a value back to the target it came from, but to the others', () => {
    const peers = new OscPeers({ targets: [DESK, TABLET] });
    const { sink, sent } = open({ targets: [DESK, TABLET], peers });
    peers.heard(DESK, '/osc/a', 5n, [{ type: 'i', value: 5 }], 0);
    sink.next(param('/osc/a', 5));
    sink.next(param('/osc/a', 6));
    expect(sent).toEqual([`${TABLET} /a ,i 5`, `${DESK} /a ,i 6`, `${TABLET} /a ,i 6`]);
  });

  it('sends events and samples to a target that has said the same itself: nothing that came from it is one', () => {
    const peers = new OscPeers({ targets: [DESK] });
    const { sink, sent } = open({ targets: [DESK], peers });
    peers.heard(DESK, '/osc/go', 1, [{ type: 'f', value: 1 }], 0);
    sink.next(param('/osc/go', 1));
    for (const kind of ['event', 'event', 'stream'] as const) sink.next({ kind, address: '/osc/go', value: 1 });
    sink.next(param('/osc/go', 1));
    expect(sent).toEqual([`${DESK} /go ,f 1`, `${DESK} /go ,f 1`, `${DESK} /go ,f 1`]);
    // After another value the target no longer shows its own.
    sink.next({ kind: 'event', address: '/osc/go', value: 2 });
    sink.next(param('/osc/go', 1));
    expect(sent.slice(3)).toEqual([`${DESK} /go ,f 2`, `${DESK} /go ,f 1`]);
  });

  it('answers those who have sent, where the peers say so', () => {
    const peers = new OscPeers({ replyToSenders: true });
    const { sink, sent } = open({ peers });
    peers.heard(DESK, '/osc/a', 1, [{ type: 'f', value: 1 }], 0);
    peers.heard(TABLET, '/osc/b', 2, [{ type: 'f', value: 2 }], 0);
    sink.next(param('/osc/a', 1));
    sink.next(param('/osc/c', 3));
    expect(sent).toEqual([`${TABLET} /a ,f 1`, `${DESK} /c ,f 3`, `${TABLET} /c ,f 3`]);
  });

  it('tells what it cannot send, sends nothing then, and goes on', () => {
    const { sink, sent, failures } = open({ targets: [DESK] });
    sink.next(param('/osc/a', { a: 1 }));
    sink.next(param('/midi/a', 1));
    sink.next(param('/osc/a\0b', 1));
    sink.next({ kind: 'gesture', address: '/osc/touch', id: 1, phase: 'move', value: 1 });
    sink.next(param('/osc/b', 1));
    expect(sent).toEqual([`${DESK} /b ,f 1`]);
    expect(failures.map(({ code, address }) => [code, address])).toEqual([
      [402, '/osc/a'],
      [200, '/midi/a'],
      [402, '/a\0b'],
      [402, '/osc/touch'],
    ]);
  });
});
