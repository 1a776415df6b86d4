import { Observable, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Datagram } from '../core/connection/datagram.ts';
import { ClaspError } from '../core/errors.ts';
import { decodeOsc } from '../core/protocols/osc/osc-decode.ts';
import { encodeOsc } from '../core/protocols/osc/osc-encode.ts';
import type { Signal } from '../core/signal/signal.ts';
import { sink } from '../core/signal/sink.ts';
import { oscSink } from '../sinks/osc.ts';
import { type MidiEventLike, midiSource } from '../sources/midi.ts';
import { oscSource } from '../sources/osc.ts';
import { type SinkRig, sinkContract } from './sink-contract.ts';
import { type SourceRig, sourceContract } from './source-contract.ts';

const oscRig = (): SourceRig => {
  const packets = new Subject<Datagram>();
  const source = oscSource(packets);
  const send = (bytes: Uint8Array) => packets.next({ bytes, from: '10.0.0.7:5000' });
  return {
    source,
    failures: source.failures,
    opened: () => (packets.observed ? 1 : 0),
    say: (n) => {
      send(encodeOsc({ address: `/fader/${n}`, args: [{ type: 'f', value: n / 2 }] }));
      return { address: `/osc/fader/${n}`, kind: 'param', value: n / 2 };
    },
    babble: () => send(Uint8Array.of(1, 2, 3)),
    end: () => packets.complete(),
    fail: () => packets.error(new ClaspError(500, 'the port is gone')),
  };
};
sourceContract('oscSource', oscRig, { describe, it, again: false });

sourceContract(
  'midiSource',
  () => {
    const listeners = new Set<(message: MidiEventLike) => void>();
    const failures = new Subject<ClaspError>();
    const say = (...bytes: number[]) => {
      for (const listen of listeners) listen({ data: Uint8Array.from(bytes) });
    };
    const input = {
      name: 'desk',
      addEventListener: (_type: string, listen: (message: MidiEventLike) => void) => void listeners.add(listen),
      removeEventListener: (_type: string, listen: (message: MidiEventLike) => void) => void listeners.delete(listen),
    };
    return {
      source: midiSource(input, { device: 'desk', failures }),
      failures,
      opened: () => listeners.size,
      say: (n) => {
        say(0xb0, n + 64, n);
        return { address: `/midi/desk/ch/1/cc/${n + 64}`, kind: 'param', value: n / 127 };
      },
      babble: () => say(0xb0, 1, 200),
    };
  },
  { describe, it, ends: false, fails: false },
);

sinkContract(
  'oscSink',
  () => {
    const effects: string[] = [];
    let broken = false;
    const send = (bytes: Uint8Array, to: string) => {
      if (broken) throw new Error('no route to host');
      const packet = decodeOsc(bytes);
      effects.push(`${to} ${JSON.stringify(packet)}`);
    };
    return {
      sink: oscSink(send, { targets: ['10.0.0.1:9000'] }),
      effects: () => effects,
      carried: (n) => ({
        signal: { kind: 'param', address: `/osc/fader/${n}`, value: n / 2 },
        effect: `10.0.0.1:9000 ${JSON.stringify(decodeOsc(encodeOsc({ address: `/fader/${n}`, args: [{ type: 'f', value: n / 2 }] })))}`,
      }),
      refused: { kind: 'param', address: '/osc/map', value: { no: 'form' } },
      breakDevice: () => {
        broken = true;
      },
    };
  },
  { describe, it },
);

/** Runs a contract as a test runner would, and gives the laws that were broken. */
async function broken(
  contract: (runner: { describe: Runner['describe']; it: Runner['it'] }) => void,
): Promise<string[]> {
  const laws: [string, () => Promise<void>][] = [];
  contract({ describe: (_, define) => define(), it: (law, test) => void laws.push([law, test]) });
  const results: string[] = [];
  for (const [law, test] of laws) await test().catch(() => results.push(law));
  return results;
}
type Runner = {
  describe: (name: string, laws: () => void) => void;
  it: (law: string, test: () => Promise<void>) => void;
};

describe('the contracts', () => {
  const sources: Record<string, { rig: () => SourceRig; law: RegExp }> = {
    'opens before it is subscribed to': {
      rig: () => {
        const rig = oscRig();
        return { ...rig, opened: () => rig.opened() + 1 };
      },
      law: /is cold/,
    },
    'does not close': {
      rig: () => {
        const rig = oscRig();
        return {
          ...rig,
          source: new Observable((out) => void rig.source.subscribe({ next: (signal) => out.next(signal) })),
        };
      },
      law: /closes it from within/,
    },
    'ends with what it cannot understand': {
      rig: () => {
        const rig = oscRig();
        const source = new Observable<Signal>((out) => {
          out.add(rig.failures?.subscribe((failure) => out.error(failure)));
          return rig.source.subscribe(out);
        });
        return { ...rig, source };
      },
      law: /cannot be understood/,
    },
  };
  for (const [fault, { rig, law }] of Object.entries(sources)) {
    it(`finds a source that ${fault}`, async () => {
      const found = await broken((runner) =>
        sourceContract('it', rig, { ...runner, again: false, ends: false, fails: false }),
      );
      expect(found.join()).toMatch(law);
    });
  }

  const lines = (change: (made: SinkRig) => Partial<SinkRig>) => (): SinkRig => {
    const effects: string[] = [];
    const write = ({ kind, address }: Signal) => {
      if (kind !== 'param') throw new ClaspError(402, 'only params', { address });
      effects.push(address);
    };
    const made: SinkRig = {
      sink: sink<Signal>({ write }),
      effects: () => effects,
      carried: (n) => ({ signal: { kind: 'param', address: `/${n}`, value: n }, effect: `/${n}` }),
      refused: { kind: 'event', address: '/e', value: null },
    };
    return { ...made, ...change(made) };
  };
  it('finds nothing wrong with a sink that is right', async () => {
    expect(
      await broken((runner) =>
        sinkContract(
          'it',
          lines(() => ({})),
          { ...runner, breaks: false },
        ),
      ),
    ).toEqual([]);
  });
  const sinks: Record<string, { rig: () => SinkRig; law: RegExp }> = {
    throws: {
      rig: lines((made) => ({
        sink: {
          ...made.sink,
          next: (signal) => {
            if (signal.address === '') throw new Error('no address');
            made.sink.next(signal);
          },
        },
      })),
      law: /never throws/,
    },
    'says nothing of the address': {
      rig: lines((made) => ({
        sink: sink<Signal>({
          write: (signal) => {
            if (signal.kind !== 'param') throw new Error('only params');
            made.sink.next(signal);
          },
        }),
      })),
      law: /code and address/,
    },
    'goes on after the end': {
      rig: lines((made) => {
        const more: string[] = [];
        const next = (signal: Signal) => {
          made.sink.next(signal);
          if (!made.effects().includes(signal.address)) more.push(signal.address);
        };
        return { sink: { ...made.sink, next }, effects: () => [...made.effects(), ...more] };
      }),
      law: /is over with complete.*is over with error/,
    },
  };
  for (const [fault, { rig, law }] of Object.entries(sinks)) {
    it(`finds a sink that ${fault}`, async () => {
      expect((await broken((runner) => sinkContract('it', rig, { ...runner, breaks: false }))).join()).toMatch(law);
    });
  }
});
