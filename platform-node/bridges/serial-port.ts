import { Observable, Subject } from 'rxjs';
import type { BytePort, BytePorts } from '../../core/connection/byte-port.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { FailureDigest } from '../../operators/failure-digest.ts';

export interface SerialPortOptions {
  /** The device: `/dev/ttyUSB0`, `COM3`. */
  readonly path: string;
  /** Bits a second. @defaultValue 57600 */
  readonly baudRate?: number;
  /** @defaultValue 1 */
  readonly stopBits?: 1 | 2;
}

/** Bytes that may wait to be sent; beyond it a device that does not take them is given no more. */
const MAX_WAITING = 16_384;

/**
 * A serial port, through the package `serialport`: subscribing opens and emits it, unsubscribing closes it.
 *
 * Errors with a `ClaspError` when the package is not installed (501, with the command that installs it), and when the
 * port cannot be opened or is pulled out (500); never completes.
 *
 * @example
 * ```ts
 * serialPort({ path: '/dev/ttyUSB0' }).subscribe({
 *   next: (port) => port.incoming.subscribe((bytes) => console.log(bytes.length)),
 *   error: (reason) => console.error(reason.message),
 * });
 * ```
 */
export function serialPort({ path, baudRate = 57_600, stopBits = 1 }: SerialPortOptions): BytePorts {
  return new Observable<BytePort>((out) => {
    const gone = (what: string, cause?: unknown) => {
      const why = cause instanceof Error ? `: ${cause.message.replace(/^Error: /, '')}` : '';
      out.error(new ClaspError(ErrorCode.Internal, `serial port ${path} ${what}${why}`, { cause, value: path }));
    };
    const open = ({ SerialPort }: typeof import('serialport')) => {
      if (out.closed) return;
      const port = new SerialPort({ path, baudRate, stopBits, autoOpen: false });
      const incoming = new Subject<Uint8Array>();
      const digest = new FailureDigest();
      out.add(() => {
        digest.close();
        incoming.complete();
        if (port.isOpen) port.close();
      });
      port.on('data', (bytes: Uint8Array) => incoming.next(bytes));
      port.on('error', (cause) => digest.report(ErrorCode.Internal, cause.message, { where: path }));
      port.on('close', (cause: unknown) => gone('was pulled out', cause));
      port.open((cause) => {
        // Whoever has left in the meantime found it not yet open.
        if (out.closed) {
          if (port.isOpen) port.close();
        } else if (cause) gone('cannot be opened', cause);
        else {
          out.next({
            name: path,
            incoming: incoming.asObservable(),
            failures: digest.failures,
            write(bytes) {
              if (port.writableLength > MAX_WAITING) {
                digest.report(ErrorCode.Overloaded, 'takes no more bytes', { where: path });
              } else {
                port.write(bytes);
              }
            },
            setBreak(on, done) {
              if (!port.isOpen) return;
              port.set({ brk: on }, (reason) => done(reason ? noBreak(path, reason) : undefined));
            },
          });
        }
      });
    };
    import('serialport')
      .then(open, (cause) => out.error(missing(cause)))
      .catch((cause) => gone('cannot be opened', cause));
  });
}

function missing(cause: unknown): ClaspError {
  return new ClaspError(ErrorCode.NotEnabled, 'serial ports need a package: npm install serialport', { cause });
}

function noBreak(path: string, cause: Error): ClaspError {
  const reason = `serial port ${path} can make no break, frames go without: ${cause.message}`;
  return new ClaspError(ErrorCode.NotEnabled, reason, { cause });
}
