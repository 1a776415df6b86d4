import type { Observable } from 'rxjs';
import type { ClaspError } from '../errors.ts';

/** One packet as it came. */
export interface Datagram {
  /** Yours only until the subscriber returns; copy what you keep. */
  readonly bytes: Uint8Array;
  /** The sender, as `address:port` (`[address]:port` for IPv6): where an answer would go. */
  readonly from: string;
}

/** A bound datagram socket: what a UDP bridge needs of its host. */
export interface DatagramSocket {
  /** Where it is bound, as `address:port`. */
  readonly address: string;
  /** What arrives. Hot: subscribe in the turn you receive the socket. Completes when the socket is closed. */
  readonly incoming: Observable<Datagram>;
  /**
   * Sends one packet to `to`, `host:port`. Never throws; what could not be sent appears on `failures`. The bytes must
   * not be changed afterwards, and may be sent to many.
   */
  send(bytes: Uint8Array, to: string): void;
  /** What `to` stands for at present as `address:port`; `to` itself while its name is not known yet. */
  resolve(to: string): string;
  /** What could not be sent or received. Hot; at most one a second, which says how many it stands for. */
  readonly failures: Observable<ClaspError>;
}
