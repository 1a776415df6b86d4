import { catchError, concat, delay, NEVER, Observable, of, Subject, type Subscriber } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { BridgeEvent, Client } from '../core/client/client.ts';
import { ClaspError } from '../core/errors.ts';
import type { Signal } from '../core/signal/signal.ts';
import { sink } from '../core/signal/sink.ts';
import { type BridgeOptions, type BridgeSides, bridge } from '../operators/bridge.ts';
import { type BridgeRig, bridgeContract } from './bridge-contract.ts';

/** A bridge to a device in memory, which can be pulled out; `change` makes another of it. */
function rig(
  client: Client,
  options: Partial<BridgeOptions> = {},
  change: (sides: BridgeSides) => BridgeSides = (sides) => sides,
): BridgeRig {
  const out: string[] = [];
  let isThere = true;
  let reflects = false;
  const open = new Set<{ readonly said: Subject<Signal>; readonly failures: Subject<ClaspError>; lose(): void }>();
  const device = new Observable<BridgeSides>((far) => {
    if (!isThere) {
      far.error(new ClaspError(502, 'not there'));
      return;
    }
    const said = new Subject<Signal>();
    const failures = new Subject<ClaspError>();
    const own = { said, failures, lose: () => far.error(new ClaspError(502, 'pulled out')) };
    open.add(own);
    const write = (signal: Signal) => {
      if (signal.kind !== 'param') throw new ClaspError(402, 'only params', { address: signal.address });
      out.push(`${signal.address} ${signal.value}`);
      if (reflects) said.next({ kind: 'param', address: signal.address, value: signal.value });
    };
    far.next(change({ source: said, sink: sink<Signal>({ write }), failures, address: 'port 1' }));
    return () => open.delete(own);
  });
  return {
    bridge: bridge({ client, namespace: '/x', open: device, reconnect: { initial: 1, max: 1 }, ...options }),
    namespace: '/x',
    opened: () => open.size,
    say(n) {
      for (const { said } of open) said.next({ kind: 'param', address: `/x/in/${n}`, value: n });
      return { kind: 'param', address: `/x/in/${n}`, value: n };
    },
    carried: (n) => ({ signal: { kind: 'param', address: `/x/out/${n}`, value: n }, effect: `/x/out/${n} ${n}` }),
    effects: () => out,
    babble: () => {
      for (const { failures } of open) failures.next(new ClaspError(101, 'not understood'));
    },
    refused: { kind: 'event', address: '/x/e', value: 1 },
    reflect: () => {
      reflects = true;
    },
    lose: () => {
      isThere = false;
      for (const each of open) each.lose();
    },
    restore: () => {
      isThere = true;
    },
  };
}

bridgeContract('bridge()', (client) => rig(client), { describe, it });

/** Runs those laws of the contract that are named, as a test runner would; gives how many they are, and which are broken. */
async function broken(open: (client: Client) => BridgeRig, names: RegExp): Promise<[count: number, laws: string[]]> {
  const laws: [string, () => Promise<void>][] = [];
  bridgeContract('it', open, {
    describe: (_, define) => define(),
    it: (law, test) => void (names.test(law) && laws.push([law, test])),
    settle: 10,
    timeout: 200,
  });
  const results: string[] = [];
  for (const [law, test] of laws) await test().catch(() => results.push(law));
  return [laws.length, results];
}

/** The same rig, with a bridge whose events come out as `next` has it. */
function through(made: BridgeRig, next: (event: BridgeEvent, out: Subscriber<BridgeEvent>) => void): BridgeRig {
  const changed = new Observable<BridgeEvent>((out) =>
    made.bridge.subscribe({
      next: (event) => next(event, out),
      error: (cause) => out.error(cause),
      complete: () => out.complete(),
    }),
  );
  return { ...made, bridge: changed };
}

interface Fault {
  readonly open: (client: Client) => BridgeRig;
  /** The laws that it breaks. */
  readonly laws: RegExp;
}

describe('bridgeContract', () => {
  const faults: Record<string, Fault> = {
    'sends back what came in': { open: (client) => rig(client, { echoWindow: 0 }), laws: /does not send back/ },
    'gives no state': {
      open: (client) => rig(client, { sendState: false }),
      laws: /sends the state|is told to be gone/,
    },
    'writes elsewhere': {
      open: (client) =>
        rig(client, { write: (to, { address, ...rest }) => to.next({ ...rest, address: `/y${address}` } as Signal) }),
      laws: /writes what comes in/,
    },
    'does not come back': { open: (client) => rig(client, { reconnect: false }), laws: /is told to be gone/ },
    'tells each failure': {
      open: (client) => {
        const each = new Subject<BridgeEvent>();
        return rig(client, {}, (sides) => {
          sides.failures?.subscribe((failure) => each.next({ type: 'failure', bridge: 'it', failure }));
          return { ...sides, failures: undefined, events: each };
        });
      },
      laws: /not one each/,
    },
    'does not let go of the far side': {
      open: (client) => {
        const made = rig(client);
        return { ...made, bridge: new Observable((out) => void made.bridge.subscribe({ next: (e) => out.next(e) })) };
      },
      laws: /is cold|completes when its client/,
    },
    'goes on when its subscription is refused': {
      open: (client) => {
        const { bridge: events, ...made } = rig(client);
        return { ...made, bridge: events.pipe(catchError(() => NEVER)) };
      },
      laws: /errors with 301/,
    },
    'ends with what it cannot send': {
      open: (client) =>
        through(rig(client), (event, out) => (event.type === 'failure' ? out.error(event.failure) : out.next(event))),
      laws: /no form at the far side|ended by nothing|the relay refuses/,
    },
    'says nothing of being ready': {
      open: (client) => through(rig(client), (event, out) => event.type !== 'ready' && out.next(event)),
      laws: /is cold/,
    },
    'lets a loop go on': {
      // What comes back a moment later is not known to the hop budget.
      open: (client) =>
        rig(client, { echoWindow: 0 }, ({ source, ...sides }) => ({ ...sides, source: source?.pipe(delay(1)) })),
      laws: /a loop dies/,
    },
    'opens for a client that is closed': {
      open: (client) => {
        const made = rig(client);
        const ready: BridgeEvent = { type: 'ready', bridge: 'it', address: 'port 1' };
        return { ...made, bridge: concat(of(ready), made.bridge) };
      },
      laws: /of a closed client/,
    },
  };
  for (const [fault, { open, laws }] of Object.entries(faults)) {
    it(`finds a bridge that ${fault}`, async () => {
      const [count, found] = await broken(open, laws);
      expect([found.length, count > 0]).toEqual([count, true]);
    });
  }

  it('asks for what the options say that the rig has', async () => {
    const [count, found] = await broken(
      (client) => ({ bridge: rig(client).bridge, namespace: '/x' }),
      /comes in|sends the state|a loop|told to be gone|failures are|no form/,
    );
    expect([found.length, count]).toEqual([6, 6]);
  });
});
