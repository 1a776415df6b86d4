import type { Observable } from 'rxjs';
import type { ClaspError } from '../errors.ts';

/** An open line of bytes, as a serial port is: what a bridge to a device needs of its host. */
export interface BytePort {
  /** Which it is, for people. */
  readonly name: string;
  /** What arrives, in pieces of any size. Hot: subscribe in the turn you receive the port. Yours until you return. */
  readonly incoming: Observable<Uint8Array>;
  /** Sends bytes, in order. Never throws; what cannot be sent appears on `failures`. */
  write(bytes: Uint8Array): void;
  /** Begins or ends a break on the line, and says when that is done, or why it cannot be. */
  setBreak(on: boolean, done: (failure?: ClaspError) => void): void;
  /** What could not be sent. Hot. */
  readonly failures: Observable<ClaspError>;
}

/** Subscribing opens and emits the port once, unsubscribing closes it; an error means it cannot be opened, or is gone. */
export type BytePorts = Observable<BytePort>;
