import { Observable } from 'rxjs';
import type { Connections } from '../../core/connection.ts';

/** A dial that waits until it is opened, and then dials for whoever subscribes or has subscribed. */
export class GatedDial {
  readonly connections: Connections;
  /** Whether the newest attempt got as far as a connection. */
  reached = false;
  #start: (() => void) | undefined;
  #open = false;

  constructor(dial: Connections) {
    this.connections = new Observable((out) => {
      this.reached = false;
      this.#start = () =>
        out.add(
          dial.subscribe({
            next: (connection) => {
              this.reached = true;
              out.next(connection);
            },
            error: (cause) => out.error(cause),
            complete: () => out.complete(),
          }),
        );
      if (this.#open) this.#start();
    });
  }

  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#start?.();
  }
}
