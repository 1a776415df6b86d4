import { catchError, defer, EMPTY, map, type Observable, type SchedulerLike } from 'rxjs';
import type { BridgeEvent, Client } from '../core/client/client.ts';
import type { BytePort, BytePorts } from '../core/connection/byte-port.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { type DmxFrame, DmxInput } from '../core/protocols/dmx/dmx-input.ts';
import { DmxMapping, type DmxPair } from '../core/protocols/dmx/dmx-mapping.ts';
import type { Signal } from '../core/signal/signal.ts';
import type { Sink } from '../core/signal/sink.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import type { BackoffOptions } from '../operators/backoff.ts';
import type { BridgeSides } from '../operators/bridge.ts';
import { dmxFrames, enttecSerialNumbers } from './dmx.ts';
import { dmxLink } from './dmx-link.ts';
import type { DmxMode } from './dmx-signals.ts';
import { relayLevels } from './relay-levels.ts';

/** `enttec-pro`: ENTTEC DMX USB Pro and what speaks like it. `open-dmx`: a bare RS-485 line, as ENTTEC Open DMX USB. */
export type DmxDriver = 'enttec-pro' | 'open-dmx';

export interface DmxDeviceOptions {
  /** @defaultValue 'enttec-pro' */
  readonly driver?: DmxDriver;
  /** `out` sends what the relay has; `in` writes what the widget receives (only `enttec-pro`). @defaultValue 'out' */
  readonly direction?: 'in' | 'out';
  /** Whether the widget tells of channels that change only. @defaultValue false */
  readonly changesOnly?: boolean;
  /** Where the channels live in the relay. @defaultValue '/dmx' */
  readonly namespace?: string;
  /** Changed channels as params, or whole frames as a stream of bytes, for what comes in. @defaultValue 'channel' */
  readonly mode?: DmxMode;
  /** Whether params are 0.0–1.0 rather than 0–255. @defaultValue false */
  readonly normalize?: boolean;
  /** Channels that are one value of 16 bits. @defaultValue none */
  readonly pairs?: readonly DmxPair[];
  /** Frames a second at most, 1–40 with `enttec-pro`, where the widget repeats at this rate too. @defaultValue 40, and 30 with `open-dmx` */
  readonly rate?: number;
  /** How long to wait before a port that is gone is opened again. @defaultValue half a second at first, 10 s at most */
  readonly reconnect?: Pick<BackoffOptions, 'initial' | 'max' | 'random'>;
  /** Named in events and in the origin of signals. @defaultValue 'dmx' */
  readonly name?: string;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** What the host brings: the ports, and what sends to one. */
export interface DmxDeviceHost {
  readonly ports: BytePorts;
  readonly sink: (port: BytePort, options: DmxDeviceOptions) => Sink<Signal>;
}

/**
 * Joins a relay with a DMX device on a port: opens it, and again with growing pauses whenever it is gone. A device that
 * returns is given the relay's state. Errors with a `ClaspError` for what can never work (402, 501) and when the relay
 * refuses the subscription (301); completes when the client is closed.
 */
export function dmxDevice(client: Client, host: DmxDeviceHost, options: DmxDeviceOptions): Observable<BridgeEvent> {
  const { driver = 'enttec-pro', direction = 'out', changesOnly = false } = options;
  const { namespace = '/dmx', mode = 'channel', normalize = false, pairs = [] } = options;
  const { name = 'dmx', reconnect, scheduler = monotonicScheduler } = options;

  return defer(() => {
    check(options);
    const mapping = new DmxMapping({ namespace, normalize, pairs });
    // Kept while the port is gone: what went out meanwhile is a change. A widget that tells of changes only comes back
    // with some channels in each message, and the others would seem to have gone out.
    const received = new DmxInput({
      timeout: Number.POSITIVE_INFINITY,
      known: mode === 'channel' ? relayLevels(client, mapping) : undefined,
    });
    const sides = (port: BytePort): BridgeSides<DmxFrame> => {
      const input = changesOnly ? new DmxInput({ timeout: Number.POSITIVE_INFINITY }) : received;
      return {
        address: port.name,
        source: direction === 'in' ? dmxFrames(port, { changesOnly, input, scheduler }) : undefined,
        sink: direction === 'out' ? host.sink(port, options) : undefined,
        failures: port.failures,
        events: driver === 'enttec-pro' ? widgets(port, name) : undefined,
      };
    };
    return dmxLink(client, {
      name,
      namespace,
      mapping,
      mode,
      reconnect,
      scheduler,
      open: host.ports.pipe(map(sides)),
    });
  });
}

/** Throws a `ClaspError` 402 for what the driver cannot do. */
function check({ driver, direction, rate }: DmxDeviceOptions): void {
  if (direction === 'in' && driver === 'open-dmx') {
    const reason = 'driver open-dmx cannot receive: direction must be out';
    throw new ClaspError(ErrorCode.BadValue, reason, { value: 'in' });
  }
  if (rate !== undefined && !(rate >= 1 && rate <= 44)) {
    throw new ClaspError(ErrorCode.BadValue, `rate ${rate} is not from 1 to 44`, { value: rate });
  }
}

/** The widget on a port, as soon as it tells its serial number. */
function widgets(port: BytePort, bridge: string): Observable<BridgeEvent> {
  return enttecSerialNumbers(port).pipe(
    map((serial): BridgeEvent => ({ type: 'devices', bridge, devices: [`ENTTEC DMX USB Pro ${serial}`] })),
    // That the port is gone is told by the port.
    catchError(() => EMPTY),
  );
}
