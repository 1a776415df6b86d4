import { filter, from, mergeMap, Observable, type SchedulerLike, type Subscription } from 'rxjs';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { MidiEchoes } from '../../core/protocols/midi/midi-echoes.ts';
import { type MidiNames, midiPrefix } from '../../core/protocols/midi/midi-mapping.ts';
import type { Signal } from '../../core/signal/signal.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { FailureDigest } from '../../operators/failure-digest.ts';
import { paceSnapshot } from '../../operators/pace-snapshot.ts';
import { type MidiOutputLike, midiSink } from '../../sinks/midi.ts';
import { type MidiInputLike, type MidiSourceOptions, midiSource } from '../../sources/midi.ts';
import { loadMidiModule, type MidiModule } from './midi-module.ts';
import { type MidiPorts, midiDevices, midiInputPorts, midiOutputPorts, type OpenMidiPort } from './midi-ports.ts';

export interface MidiBridgeOptions extends MidiNames, Pick<MidiSourceOptions, 'cc14' | 'nrpn' | 'maxSysex'> {
  /** Name, or a part of the name, of the port that is listened to. @defaultValue none */
  readonly input?: string | undefined;
  /** Name, or a part of the name, of the port that is sent to. @defaultValue none */
  readonly output?: string | undefined;
  /** Makes ports of these names for other programs to connect to, instead of opening existing ones. @defaultValue false */
  readonly virtual?: boolean | undefined;
  /** Whether the output receives the current params at the start, and when it returns. @defaultValue true */
  readonly sendState?: boolean | undefined;
  /** Milliseconds added to the time of each signal that is sent: what came unevenly is played evenly. @defaultValue 0 */
  readonly latency?: number | undefined;
  /** Whether the output receives clocks, 24 a quarter note, at the tempo that `/midi/tempo` says. @defaultValue false */
  readonly clock?: boolean | undefined;
  /** Milliseconds for which a value is not sent back to the device it came from. @defaultValue 1000 */
  readonly echoWindow?: number | undefined;
  /** Milliseconds between two looks at which ports there are. @defaultValue 1000 */
  readonly poll?: number | undefined;
  /**
   * What reaches the devices, in place of the package `@julusian/midi`: the module itself, the name of a package of
   * the working directory, or a path from there, as for one built for JACK.
   * @defaultValue '@julusian/midi'
   */
  readonly module?: string | MidiModule | undefined;
  /** Named in events. @defaultValue 'midi' */
  readonly name?: string | undefined;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/** Params of a snapshot that are sent together, and the pause after them: about what a MIDI cable carries. */
const SNAPSHOT = { batch: 10, interval: 10 };

/**
 * Joins a relay with one MIDI device: what it plays is written below `/midi` (or `/midi/{device}`), and what changes
 * there is played to it, but not what it has just said itself.
 *
 * Subscribing opens, unsubscribing closes. Emits `devices` at the start and whenever a port comes or goes, `ready`
 * when the ports are open, `retrying` when one is not there or vanishes; it is opened again when it returns, and
 * receives the current params. Then failures, one a second at most. Errors with a `ClaspError` when the package is not
 * installed or this machine has no MIDI (501), a name fits several ports or an option is wrong (402), or the relay
 * refuses the subscription (301); completes when the client is closed.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * const bridge = midiBridge(relay.client('desk'), { input: 'nanoKONTROL2', output: 'nanoKONTROL2', device: 'desk' });
 * bridge.subscribe({ next: console.log, error: (reason) => console.error(reason.message) });
 * ```
 */
export function midiBridge(client: Client, options: MidiBridgeOptions = {}): Observable<BridgeEvent> {
  const { module } = options;
  return new Observable((out) => {
    const loading = typeof module === 'object' ? Promise.resolve(module) : loadMidiModule(module);
    out.add(
      from(loading)
        .pipe(mergeMap((loaded) => bridgeOver(loaded, client, options)))
        .subscribe(out),
    );
  });
}

/** A side that is not open. */
const CLOSED = { open: undefined, using: undefined, sameName: 1 };

/** One direction of the bridge. */
interface Side<Port> {
  readonly wanted: string;
  readonly ports: MidiPorts<Port>;
  /** What goes on while the port is open. */
  readonly use: (port: Port) => Subscription;
  open: OpenMidiPort<Port> | undefined;
  /** Ports of the open one's name at the last look, it among them. */
  sameName: number;
  using: Subscription | undefined;
}

function bridgeOver(module: MidiModule, client: Client, options: MidiBridgeOptions): Observable<BridgeEvent> {
  const { input, output, virtual = false, sendState = true, echoWindow = 1_000, poll = 1_000 } = options;
  const { name: bridge = 'midi', scheduler = monotonicScheduler } = options;

  return new Observable((out) => {
    if (!input && !output) throw new ClaspError(ErrorCode.BadValue, 'a MIDI bridge needs an input or an output');
    const prefix = midiPrefix(options);
    // The relay does not send our own events back to us: one that comes is somebody else's, whatever its value.
    const echoes = new MidiEchoes({ window: echoWindow, events: false });
    const digest = new FailureDigest({ scheduler });
    out.add(() => digest.close());
    out.add(digest.failures.subscribe((failure) => out.next({ type: 'failure', bridge, failure })));
    const ours = ({ address }: ClaspError) => address?.startsWith(`${prefix}/`) ?? false;
    out.add(client.errors.pipe(filter(ours)).subscribe((failure) => digest.pass(failure)));
    out.add(client.status.subscribe({ complete: () => out.complete() }));

    const listen = (port: MidiInputLike) => {
      const failures = { next: (failure: ClaspError) => digest.pass(failure), error: ignore, complete: ignore };
      // Without an output nobody asks for them.
      const heard = output ? { echoes } : undefined;
      return midiSource(port, { ...options, ...heard, failures, scheduler }).subscribe((signal) =>
        write(client, signal),
      );
    };
    const play = (port: MidiOutputLike) => {
      const { latency } = options;
      const sink = midiSink(port, { ...options, echoes, latency, scheduler, now: () => client.time() });
      const wanted = (signal: Signal) => sendState || signal.kind !== 'param' || signal.snapshot !== true;
      const playing = client
        .on(`${prefix}/**`, { types: ['param', 'event', 'stream'] })
        .pipe(filter(wanted), paceSnapshot({ ...SNAPSHOT, scheduler }))
        .subscribe({ next: (signal) => sink.next(signal), error: (reason) => out.error(reason) });
      playing.add(sink.failures.subscribe((failure) => digest.pass(failure)));
      playing.add(() => sink.complete());
      return playing;
    };

    const inputs = midiInputPorts(module);
    out.add(() => inputs.close());
    const outputs = midiOutputPorts(module);
    out.add(() => outputs.close());
    const sides: readonly (Side<MidiInputLike> | Side<MidiOutputLike>)[] = [
      ...(output ? [{ wanted: output, ports: outputs, use: play, ...CLOSED }] : []),
      ...(input ? [{ wanted: input, ports: inputs, use: listen, ...CLOSED }] : []),
    ];
    let listed = '';
    /** What was told last: `ready`, or why not. */
    let told = '';

    const look = () => {
      const names = { input: inputs.names(), output: outputs.names() };
      const devices = midiDevices(names.input, names.output, bridge);
      const list = JSON.stringify(devices);
      if (list !== listed) {
        listed = list;
        out.next(devices);
      }
      let reason: ClaspError | undefined;
      for (const side of sides) {
        const sameName = () => names[side.ports.kind].filter((name) => name === side.open?.name).length;
        // Of several with one name nobody knows which has gone, or come: it may be ours.
        const isOther = /#\d+$/.test(side.wanted) ? sameName() !== side.sameName : sameName() < side.sameName;
        if (side.open && !virtual && isOther) closeSide(side);
        reason = openSide(side as Side<unknown>, virtual) ?? reason;
        side.sameName = Math.max(1, sameName());
      }
      if (reason && told === '' && reason.code === ErrorCode.BadValue) throw reason;
      tell(reason);
    };
    const tell = (reason: ClaspError | undefined) => {
      const state = reason?.reason ?? 'ready';
      if (state === told) return;
      told = state;
      if (reason) out.next({ type: 'retrying', bridge, reason, retryInMs: poll });
      else out.next({ type: 'ready', bridge, address: sides.map(addressOf).reverse().join(', ') });
    };
    const lookAgain = () => {
      const timer = scheduler.schedule(() => {
        out.remove(timer);
        try {
          look();
        } catch (cause) {
          digest.pass(ClaspError.from(cause, ErrorCode.Internal));
        }
        if (!out.closed) lookAgain();
      }, poll);
      out.add(timer);
    };

    out.add(() => {
      for (const side of sides) closeSide(side);
    });
    look();
    if (!out.closed) lookAgain();
  });
}

/** Opens what is not open; gives why it cannot be. */
function openSide(side: Side<unknown>, virtual: boolean): ClaspError | undefined {
  if (side.open) return undefined;
  try {
    side.open = side.ports.open(side.wanted, virtual);
  } catch (cause) {
    return ClaspError.from(cause, ErrorCode.Internal);
  }
  side.using = side.use(side.open.port);
  return undefined;
}

function closeSide(side: Side<MidiInputLike> | Side<MidiOutputLike>): void {
  side.using?.unsubscribe();
  side.open?.close();
  side.using = undefined;
  side.open = undefined;
}

function addressOf({ ports, open }: Side<MidiInputLike> | Side<MidiOutputLike>): string {
  return `${open?.choice} (${ports.kind === 'input' ? 'in' : 'out'})`;
}

function write(client: Client, signal: Signal): void {
  if (signal.kind === 'param') client.set(signal.address, signal.value);
  else if (signal.kind === 'event') client.emit(signal.address, signal.value);
  else if (signal.kind === 'stream') client.stream(signal.address, signal.value);
}

const ignore = (): void => undefined;
