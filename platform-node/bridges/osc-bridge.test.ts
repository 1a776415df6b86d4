import { filter, NEVER, type Subscription } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import type { DatagramSocket } from '../../core/connection/datagram.ts';
import type { OscArgument, OscMessage } from '../../core/protocols/osc/osc.ts';
import { OSC_IMMEDIATELY, oscTimetag } from '../../core/protocols/osc/osc.ts';
import { decodeOsc } from '../../core/protocols/osc/osc-decode.ts';
import { encodeOsc } from '../../core/protocols/osc/osc-encode.ts';
import { oscTagsOf } from '../../core/protocols/osc/osc-mapping.ts';
import type { Value } from '../../core/signal/value.ts';
import { type Router, router } from '../../operators/router/router.ts';
import { udpSocket } from '../udp.ts';
import { type OscBridgeOptions, oscBridge, oscHost } from './osc-bridge.ts';

const open: Subscription[] = [];
afterEach(() => {
  for (const each of open.splice(0).reverse()) each.unsubscribe();
});

/** An OSC program: what it received, as `address ,tags values`. */
interface Device {
  readonly socket: DatagramSocket;
  readonly received: string[];
  send(to: string, address: string, ...args: OscArgument[]): void;
}

async function device(): Promise<Device> {
  const received: string[] = [];
  const socket = await new Promise<DatagramSocket>((resolve, reject) => {
    open.push(udpSocket({ listen: '127.0.0.1:0' }).subscribe({ next: resolve, error: reject }));
  });
  open.push(
    socket.incoming.subscribe(({ bytes }) => {
      const { address, args } = decodeOsc(bytes) as OscMessage;
      received.push([address, `,${oscTagsOf(args).join('')}`, ...args.map(({ value }) => String(value))].join(' '));
    }),
  );
  return { socket, received, send: (to, address, ...args) => socket.send(encodeOsc({ address, args }), to) };
}

function relay(): { relay: Router; app: Client } {
  const running = router();
  open.push(running(NEVER).subscribe());
  return { relay: running, app: running.client('app') };
}

/** A bridge of a relay, listening on a free port. */
async function bridge(client: Client, options: OscBridgeOptions = {}) {
  const events: BridgeEvent[] = [];
  let ended: unknown;
  const running = oscBridge(client, { listen: '127.0.0.1:0', ...options }).subscribe({
    next: (event) => events.push(event),
    error: (reason) => {
      ended = reason;
    },
    complete: () => {
      ended = 'complete';
    },
  });
  open.push(running);
  await vi.waitFor(() => expect(events[0] ?? ended).toBeDefined());
  const failures = () => events.flatMap((event) => (event.type === 'failure' ? [event.failure] : []));
  const address = events[0]?.type === 'ready' ? events[0].address : '';
  return { address, events, failures, ended: () => ended, close: () => running.unsubscribe() };
}

/** What `client` sees below /osc, as it happens. */
function watch(client: Client): [string, Value][] {
  const seen: [string, Value][] = [];
  open.push(
    client
      .on('/osc/**')
      .pipe(filter((signal) => signal.kind === 'param'))
      .subscribe(({ address, value }) => seen.push([address, value])),
  );
  return seen;
}

const f = (value: number): OscArgument => ({ type: 'f', value });
const i = (value: number): OscArgument => ({ type: 'i', value });

describe('oscBridge', () => {
  it('writes what comes in as params, integers as integers', async () => {
    const { relay: running, app } = relay();
    const seen = watch(app);
    const { address } = await bridge(running.client('osc'));
    const desk = await device();
    desk.send(address, '/synth/cutoff', f(0.5));
    desk.send(address, '/synth/voices', i(8));
    desk.send(address, '/synth/adsr', f(0), f(0.25), i(1));
    await vi.waitFor(() => expect(seen.length).toBe(3));
    expect(seen).toEqual([
      ['/osc/synth/cutoff', 0.5],
      ['/osc/synth/voices', 8],
      ['/osc/synth/adsr', [0, 0.25, 1]],
    ]);
  });

  it('takes a message without arguments for an event, which deletes nothing', async () => {
    const { relay: running, app } = relay();
    const { address } = await bridge(running.client('osc'));
    const events: unknown[] = [];
    open.push(app.on('/osc/**', { types: ['event'] }).subscribe((signal) => events.push(signal)));
    const desk = await device();
    desk.send(address, '/go', f(1));
    desk.send(address, '/go');
    await vi.waitFor(() => expect(events).toMatchObject([{ kind: 'event', address: '/osc/go', value: null }]));
    expect(await app.get('/osc/go')).toBe(1);
  });

  it('deletes with it where asked to', async () => {
    const { relay: running, app } = relay();
    const { address } = await bridge(running.client('osc'), { noArguments: 'param' });
    await app.set('/osc/fader', 1);
    (await device()).send(address, '/fader');
    await vi.waitFor(async () => expect(await app.get('/osc/fader')).toBeNull());
  });

  it('answers it with the value where asked to, in the types known, and tells what is not there', async () => {
    const { relay: running, app } = relay();
    const { address, failures } = await bridge(running.client('osc'), { noArguments: 'get' });
    const desk = await device();
    desk.send(address, '/on', i(1));
    desk.send(address, '/nothing');
    await vi.waitFor(async () => expect(await app.get('/osc/on')).toBe(1));
    await app.set('/osc/on', 0);
    desk.send(address, '/on');
    await vi.waitFor(() => expect(desk.received).toEqual(['/on ,i 0']));
    expect(failures()).toMatchObject([{ code: 201, address: '/osc/nothing' }]);
  });

  it('applies patterns from outside to the params there are, and to nothing of the relay itself', async () => {
    const { relay: running, app } = relay();
    const { address, failures } = await bridge(running.client('osc'), { namespace: '' });
    for (const name of ['/strip/1/gain', '/strip/2/gain', '/strip/3/gain', '/strip/1/mute']) await app.set(name, 0);
    await app.set('/strip/2/gain', null);
    await app.bundle([{ set: ['/later', 1] }], { at: app.time() + 3_600_000_000 });
    const desk = await device();
    desk.send(address, '/strip/{1,2,3}/g*', f(0.5));
    desk.send(address, '/clasp/own', f(0.5));
    desk.send(address, '//*', f(1));
    await vi.waitFor(async () => expect(await app.get('/strip/1/mute')).toBe(1));
    expect(await Promise.all(['1', '2', '3'].map((n) => app.get(`/strip/${n}/gain`)))).toEqual([1, null, 1]);
    desk.send(address, '/strip/[1-2]/g?in', f(0.25));
    await vi.waitFor(async () => expect(await app.get('/strip/1/gain')).toBe(0.25));
    expect(await app.get('/strip/3/gain')).toBe(1);
    desk.send(address, '/none/*', f(1));
    await vi.waitFor(() => expect(failures()).toMatchObject([{ code: 201, address: '/none/*' }]));
  });

  it('takes the bundles of one device while another, whose clock is ahead, has more than may wait', async () => {
    const { relay: running, app } = relay();
    const { address, failures } = await bridge(running.client('osc'));
    const [wrong, right] = [await device(), await device()];
    const bundle = (to: string, at: number) =>
      encodeOsc({ timetag: oscTimetag(at), packets: [{ address: to, args: [f(1)] }] });
    const hour = app.time() + 3_600_000_000;
    for (let n = 0; n < 1_100; n++) {
      wrong.socket.send(bundle('/wrong', hour), address);
      // As many as any receive buffer holds.
      if (n % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await vi.waitFor(() => expect(failures()).toMatchObject([{ code: 400 }]));
    expect(failures()[0]?.reason).toContain(`${wrong.socket.address}: too many bundles wait for their time`);
    right.socket.send(bundle('/right', app.time() + 50_000), address);
    await vi.waitFor(async () => expect(await app.get('/osc/right')).toBe(1));
    expect(await app.get('/osc/wrong')).toBeNull();
  });

  it('applies a bundle of a clock since boot at once, and any at once when told to ignore their time', async () => {
    const { relay: running, app } = relay();
    const { address, failures } = await bridge(running.client('osc'));
    const careless = await bridge(running.client('careless'), { timetags: 'ignore', namespace: '/careless' });
    const desk = await device();
    const packets = [{ address: '/a', args: [f(1)] }];
    desk.socket.send(encodeOsc({ timetag: { seconds: 0xc, fraction: 0x8000_0000 }, packets }), address);
    desk.socket.send(encodeOsc({ timetag: oscTimetag(app.time() + 3_600_000_000), packets }), careless.address);
    await vi.waitFor(async () => expect([await app.get('/osc/a'), await app.get('/careless/a')]).toEqual([1, 1]));
    await vi.waitFor(() => expect(failures()).toMatchObject([{ code: 402 }]));
    expect(careless.failures()).toEqual([]);
  });

  it('sends messages at once and again, to every target or to one', async () => {
    const { relay: running } = relay();
    const [mixer, desk, other] = [await device(), await device(), await device()];
    const periodic = [
      { address: '/xremote', every: 20 },
      { address: '/hello', every: 3_600_000, value: ['desk', true], types: 'si', to: desk.socket.address },
    ];
    const targets = [mixer.socket.address, other.socket.address];
    const { close } = await bridge(running.client('osc'), { listen: false, targets, periodic });
    await vi.waitFor(() => expect(mixer.received.length).toBeGreaterThan(2));
    await vi.waitFor(() => expect(desk.received).toEqual(['/hello ,si desk 1']));
    expect(new Set([...mixer.received, ...other.received])).toEqual(new Set(['/xremote ,']));
    close();
  });

  it('opens the socket for a message to elsewhere', () => {
    const to = (host: string) => oscHost({ periodic: [{ address: '/xremote', every: 9_000, to: host }] }, 'localhost');
    expect([to('10.0.0.7:10023'), to('localhost:10023')]).toEqual(['0.0.0.0', '127.0.0.1']);
  });

  it('ends for a message that cannot be sent', async () => {
    const { relay: running } = relay();
    const periodic = [{ address: 'xremote', every: 9_000 }];
    expect((await bridge(running.client('osc'), { periodic })).ended()).toMatchObject({ code: 200 });
  });

  it('sends what changes to the targets, in the types that were received there', async () => {
    const { relay: running, app } = relay();
    const desk = await device();
    const { address } = await bridge(running.client('osc'), { targets: [desk.socket.address] });
    const other = await device();
    other.send(address, '/synth/voices', i(8));
    await vi.waitFor(() => expect(desk.received).toEqual(['/synth/voices ,i 8']));
    app.set('/osc/mixer/1', 0.75);
    app.set('/osc/synth/voices', 16);
    app.emit('/osc/go', 'now');
    app.stream('/osc/meter', 0.5);
    app.set('/elsewhere', 1);
    await vi.waitFor(() => expect(desk.received.length).toBe(5));
    expect(desk.received.slice(1)).toEqual(['/mixer/1 ,f 0.75', '/synth/voices ,i 16', '/go ,s now', '/meter ,f 0.5']);
  });

  it('does not send a value back to the target it came from, but to the others', async () => {
    const { relay: running, app } = relay();
    const [desk, tablet] = [await device(), await device()];
    const targets = [desk.socket.address, `localhost:${tablet.socket.address.split(':')[1]}`];
    const { address } = await bridge(running.client('osc'), { targets });
    app.set('/osc/ready', true);
    await vi.waitFor(() => expect([desk.received.length, tablet.received.length]).toEqual([1, 1]));

    for (let step = 1; step <= 200; step++) desk.send(address, '/fader', i(step));
    await vi.waitFor(() => expect(tablet.received.at(-1)).toBe('/fader ,i 200'));
    tablet.send(address, '/fader', i(1000));
    await vi.waitFor(() => expect(desk.received.at(-1)).toBe('/fader ,i 1000'));
    app.set('/osc/fader', 200);
    await vi.waitFor(() => expect(desk.received.at(-1)).toBe('/fader ,i 200'));
    await vi.waitFor(() => expect(tablet.received.at(-1)).toBe('/fader ,i 200'));
    expect(desk.received).toEqual(['/ready ,T true', '/fader ,i 1000', '/fader ,i 200']);
    expect(tablet.received).not.toContain('/fader ,i 1000');
  });

  it('applies a bundle as a whole, and one with a time ahead then', async () => {
    const { relay: running, app } = relay();
    const { address, failures } = await bridge(running.client('osc'));
    const seen = watch(app);
    const desk = await device();
    const packets = ['/a', '/locked', '/b'].map((to) => ({ address: to, args: [f(1)] }));
    await app.set('/osc/locked', 0, { lock: true });
    desk.socket.send(encodeOsc({ timetag: OSC_IMMEDIATELY, packets }), address);
    const due = app.time() + 400_000;
    desk.socket.send(encodeOsc({ timetag: oscTimetag(due), packets: packets.filter((_, n) => n !== 1) }), address);
    desk.send(address, '/now', f(1));
    await vi.waitFor(() => expect(seen.map(([to]) => to)).toEqual(['/osc/locked', '/osc/now']));
    expect(app.time()).toBeLessThan(due);
    await vi.waitFor(
      () =>
        expect(seen.slice(2)).toEqual([
          ['/osc/a', 1],
          ['/osc/b', 1],
        ]),
      5_000,
    );
    expect(app.time()).toBeGreaterThanOrEqual(due);
    expect(failures()).toMatchObject([{ code: 401, address: '/osc/locked' }]);
  });

  it('does not send a bundle back to the target it came from when its time has come', async () => {
    const { relay: running, app } = relay();
    const desk = await device();
    const { address } = await bridge(running.client('osc'), { targets: [desk.socket.address], echoWindow: 50 });
    const packets = [{ address: '/x', args: [f(0.5)] }];
    desk.socket.send(encodeOsc({ timetag: oscTimetag((Date.now() + 200) * 1_000), packets }), address);
    await vi.waitFor(async () => expect(await app.get('/osc/x')).toBe(0.5));
    app.set('/osc/x', 1);
    await vi.waitFor(() => expect(desk.received).toEqual(['/x ,f 1']));
  });

  it('gives a target the current params at the start, unless told not to', async () => {
    const { relay: running, app } = relay();
    await app.set('/osc/mixer/1', 0.75);
    const [desk, tablet] = [await device(), await device()];
    await bridge(running.client('with state'), { targets: [desk.socket.address] });
    await bridge(running.client('without'), { targets: [tablet.socket.address], sendState: false });
    await vi.waitFor(() => expect(desk.received).toEqual(['/mixer/1 ,f 0.75']));
    await app.set('/osc/mixer/1', 0.5);
    await vi.waitFor(() => expect(tablet.received).toEqual(['/mixer/1 ,f 0.5']));
  });

  it('loses nothing of a state of thousands of params to the receiver’s small buffer', async () => {
    const { relay: running, app } = relay();
    const sets = Array.from({ length: 3_000 }, (_, n) => app.set(`/osc/cue/${n}`, n));
    await Promise.all(sets);
    const desk = await device();
    await bridge(running.client('osc'), { targets: [desk.socket.address] });
    await vi.waitFor(() => expect(new Set(desk.received).size).toBe(3_000), 10_000);
  });

  it('answers whoever sends, where asked to', async () => {
    const { relay: running, app } = relay();
    const [desk, tablet] = [await device(), await device()];
    const { address } = await bridge(running.client('osc'), { replyToSenders: true });
    desk.send(address, '/hello', f(1));
    await vi.waitFor(async () => expect(await app.get('/osc/hello')).toBe(1));
    app.set('/osc/mixer/1', 0.5);
    await vi.waitFor(() => expect(desk.received).toEqual(['/mixer/1 ,f 0.5']));
    tablet.send(address, '/hello', f(2));
    await vi.waitFor(() => expect(desk.received.at(-1)).toBe('/hello ,f 2'));
    expect(tablet.received).toEqual([]);
  });

  it('uses its namespace, and the types that are hinted', async () => {
    const { relay: running, app } = relay();
    const desk = await device();
    const options = { targets: [desk.socket.address], namespace: '/stage/left', hints: { '/led/*': 'i' } };
    const { address } = await bridge(running.client('osc'), options);
    app.set('/stage/left/led/1', 1);
    await vi.waitFor(() => expect(desk.received).toEqual(['/led/1 ,i 1']));
    desk.send(address, '/key', f(0.5));
    await vi.waitFor(async () => expect(await app.get('/stage/left/key')).toBe(0.5));
  });

  it('tells of everything that does not get through, and goes on', async () => {
    const { relay: running, app } = relay();
    const desk = await device();
    const { address, failures } = await bridge(running.client('osc'), { targets: [desk.socket.address] });
    await app.set('/osc/locked', 1, { lock: true });
    desk.socket.send(new TextEncoder().encode('{"not":"OSC"}'), address);
    desk.send(address, '/locked', f(0.5));
    await app.set('/osc/map', { a: 1 });
    await vi.waitFor(
      () =>
        expect(
          failures()
            .map(({ code }) => code)
            .sort(),
        ).toEqual([101, 401, 402]),
      5_000,
    );
    desk.send(address, '/after', f(1));
    await vi.waitFor(async () => expect(await app.get('/osc/after')).toBe(1));
  });

  it('lets nobody else notice a flood of packets that are not OSC', async () => {
    const { relay: running, app } = relay();
    const [flooder, desk] = [await device(), await device()];
    const { address, events } = await bridge(running.client('osc'));
    const garbage = new Uint8Array(64).fill(0xff);
    let answered = 0;
    for (let round = 0; round < 20; round++) {
      for (let n = 0; n < 200; n++) flooder.socket.send(garbage, address);
      desk.send(address, '/alive', i(round));
      await app.set('/other/param', round);
      answered++;
    }
    expect(answered).toBe(20);
    await vi.waitFor(
      async () => {
        desk.send(address, '/alive', i(20));
        expect(await app.get('/osc/alive')).toBe(20);
      },
      { timeout: 10_000, interval: 100 },
    );
    // Thousands of packets, a handful of events.
    expect(events.filter(({ type }) => type === 'failure').length).toBeGreaterThan(0);
    expect(events.length).toBeLessThan(20);
  });

  it('errors with one line when its port is in use', async () => {
    const { relay: running } = relay();
    const first = await bridge(running.client('one'));
    const second = await bridge(running.client('two'), { listen: first.address });
    expect(second.ended()).toMatchObject({
      code: 500,
      reason: `UDP port ${first.address.split(':')[1]} on 127.0.0.1 is in use`,
    });
  });

  it('errors when an option is wrong, or the relay does not let it read', async () => {
    const { relay: running } = relay();
    expect((await bridge(running.client('one'), { hints: { '/a': '?' } })).ended()).toMatchObject({ code: 402 });
    const writer = running.client('two', ['write:/other/**']);
    const refused = await bridge(writer);
    await vi.waitFor(() => expect(refused.ended()).toMatchObject({ code: 301 }));
  });

  it('frees its port when it is unsubscribed, or its client is closed', async () => {
    const { relay: running } = relay();
    const client = running.client('one');
    const first = await bridge(client);
    client.close();
    await vi.waitFor(() => expect(first.ended()).toBe('complete'));
    const second = await bridge(running.client('two'), { listen: first.address });
    expect(second.address).toBe(first.address);
    second.close();
    expect((await bridge(running.client('three'), { listen: first.address })).address).toBe(first.address);
  });
});
