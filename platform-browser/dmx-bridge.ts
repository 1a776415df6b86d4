import type { Observable } from 'rxjs';
import type { BridgeEvent, Client } from '../core/client/client.ts';
import { dmxSink } from '../sinks/dmx.ts';
import { type DmxDeviceOptions, dmxDevice } from '../sources/dmx-device.ts';
import { type WebSerialPortLike, webSerialPort } from './web-serial.ts';

export interface DmxBridgeOptions extends DmxDeviceOptions {
  /** From `navigator.serial.requestPort()` or `getPorts()`. */
  readonly port: WebSerialPortLike;
  /** Bits a second. @defaultValue 57600 with `enttec-pro`, which does not care; 250000 with `open-dmx` */
  readonly baudRate?: number;
}

/**
 * Joins a relay with a DMX device over Web Serial: an ENTTEC DMX USB Pro, out or in, or a bare line, out. The same as in
 * Node, with the browser's port.
 *
 * Subscribing opens, unsubscribing closes. Emits `ready` when open, the widget's serial number as `devices`, `retrying`
 * when the device is gone (it is given the relay's state when it returns), and failures. Errors with a `ClaspError` when
 * an option is wrong (402) or the relay refuses the subscription (301); completes when the client is closed.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * const connect = (port: WebSerialPortLike) =>
 *   dmxBridge(relay.client('dimmers'), { port }).subscribe({ next: console.log, error: console.error });
 * ```
 */
export function dmxBridge(client: Client, options: DmxBridgeOptions): Observable<BridgeEvent> {
  const { port, driver = 'enttec-pro' } = options;
  const isBare = driver === 'open-dmx';
  const { baudRate = isBare ? 250_000 : 57_600 } = options;
  const ports = webSerialPort(port, { baudRate, stopBits: isBare ? 2 : 1 });
  return dmxDevice(client, { ports, sink: dmxSink }, options);
}
