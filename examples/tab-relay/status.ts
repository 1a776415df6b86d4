import type { Client } from 'clasp-rx';

/** Says in words where a client stands with its relay. */
export function showStatus(client: Client, into: HTMLElement): void {
  client.status.subscribe((status) => {
    into.textContent = status.state === 'connected' ? `connected to ${status.relay}` : status.state;
  });
}
