import { Observable, Subject } from 'rxjs';
import type { BytePort, BytePorts } from '../core/connection/byte-port.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { FailureDigest } from '../operators/failure-digest.ts';

/** The part of Web Serial's `SerialPort` that is needed. */
export interface WebSerialPortLike {
  open(options: { baudRate: number; stopBits?: number; bufferSize?: number }): Promise<void>;
  readonly readable: ReadableStream<Uint8Array> | null;
  readonly writable: WritableStream<Uint8Array> | null;
  setSignals(signals: { break?: boolean }): Promise<void>;
  getInfo?(): { usbVendorId?: number | undefined; usbProductId?: number | undefined };
  close(): Promise<void>;
}

export interface WebSerialOptions {
  /** Bits a second. @defaultValue 57600 */
  readonly baudRate?: number;
  /** @defaultValue 1 */
  readonly stopBits?: 1 | 2;
  /** For people. @defaultValue the USB ids of the port */
  readonly name?: string;
}

/** Bytes that may wait to be sent; beyond it a device that does not take them is given no more. */
const MAX_WAITING = 16_384;

/**
 * A serial port of Web Serial: subscribing opens and emits it, unsubscribing closes it.
 *
 * Get the port from `navigator.serial.requestPort()`, which asks the user, or `getPorts()`, which does not. Errors with a
 * `ClaspError` 500 when it cannot be opened or is pulled out; never completes.
 *
 * @example
 * ```ts
 * const connect = async (port: WebSerialPortLike) =>
 *   webSerialPort(port).subscribe((opened) => opened.incoming.subscribe((bytes) => console.log(bytes.length)));
 * ```
 */
export function webSerialPort(port: WebSerialPortLike, options: WebSerialOptions = {}): BytePorts {
  const { baudRate = 57_600, stopBits = 1, name = nameOf(port) } = options;

  return new Observable<BytePort>((out) => {
    const gone = (what: string, cause: unknown) => {
      const why = cause instanceof Error ? `: ${cause.message}` : '';
      out.error(new ClaspError(ErrorCode.Internal, `serial port ${name} ${what}${why}`, { cause, value: name }));
    };
    const run = async () => {
      await port.open({ baudRate, stopBits, bufferSize: 4_096 });
      const reader = port.readable?.getReader();
      const writer = port.writable?.getWriter();
      if (!reader || !writer) throw new Error('it has no streams');
      const incoming = new Subject<Uint8Array>();
      const digest = new FailureDigest();
      let waiting = 0;

      const close = async () => {
        digest.close();
        incoming.complete();
        // Each may have ended by itself when the device was pulled out.
        await Promise.allSettled([reader.cancel(), writer.close()]);
        reader.releaseLock();
        writer.releaseLock();
        await port.close();
      };
      out.add(() => void close().catch(() => undefined));
      if (out.closed) return;
      const write = (bytes: Uint8Array) => {
        if (waiting > MAX_WAITING) {
          digest.report(ErrorCode.Overloaded, 'takes no more bytes', { where: name });
          return;
        }
        waiting += bytes.length;
        const sent = () => {
          waiting -= bytes.length;
        };
        writer.write(bytes).then(sent, (cause: unknown) => {
          sent();
          digest.report(ErrorCode.Internal, 'cannot be written to', { where: name });
          gone('was pulled out', cause);
        });
      };
      const setBreak = (on: boolean, done: (failure?: ClaspError) => void) => {
        port.setSignals({ break: on }).then(
          () => done(),
          (cause: unknown) => done(ClaspError.from(cause, ErrorCode.NotEnabled)),
        );
      };
      out.next({ name, incoming: incoming.asObservable(), failures: digest.failures, write, setBreak });

      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        if (value) incoming.next(value);
      }
      gone('was closed', undefined);
    };
    run().catch((cause: unknown) => gone('cannot be opened, or was pulled out', cause));
  });
}

function nameOf(port: WebSerialPortLike): string {
  const { usbVendorId, usbProductId } = port.getInfo?.() ?? {};
  const hex = (id: number) => id.toString(16).padStart(4, '0');
  return usbVendorId === undefined ? 'serial' : `usb ${hex(usbVendorId)}:${hex(usbProductId ?? 0)}`;
}
