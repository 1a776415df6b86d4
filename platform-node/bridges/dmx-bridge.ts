import type { Observable } from 'rxjs';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import { dmxSink } from '../../sinks/dmx.ts';
import { type DmxDeviceOptions, dmxDevice } from '../../sources/dmx-device.ts';
import { serialPort } from './serial-port.ts';

export interface DmxBridgeOptions extends DmxDeviceOptions {
  /** The serial device: `/dev/ttyUSB0`, `COM3`. */
  readonly port: string;
  /** Bits a second. @defaultValue 57600 with `enttec-pro`, which does not care; 250000 with `open-dmx` */
  readonly baudRate?: number;
}

/**
 * Joins a relay with a DMX device on a serial port: an ENTTEC DMX USB Pro, out or in, or a bare line, out. Channels are
 * params below the namespace.
 *
 * Subscribing opens, unsubscribing closes. Emits `ready` when open, the widget's serial number as `devices`, `retrying`
 * when the device is gone or was never there (it is given the relay's state when it returns), and failures. Errors with a
 * `ClaspError` when the package `serialport` is not installed (501), an option is wrong (402) or the relay refuses the
 * subscription (301); completes when the client is closed.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * const bridge = dmxBridge(relay.client('dimmers'), { port: '/dev/ttyUSB0' });
 * bridge.subscribe({ next: console.log, error: console.error });
 * relay.client('app').set('/dmx/1', 255);
 * ```
 */
export function dmxBridge(client: Client, options: DmxBridgeOptions): Observable<BridgeEvent> {
  const { port: path, driver = 'enttec-pro' } = options;
  const isBare = driver === 'open-dmx';
  const { baudRate = isBare ? 250_000 : 57_600 } = options;
  const ports = serialPort({ path, baudRate, stopBits: isBare ? 2 : 1 });
  return dmxDevice(client, { ports, sink: (port, given) => dmxSink(port, { ...given, defer: setImmediate }) }, options);
}
