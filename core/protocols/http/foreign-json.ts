import type { Value } from '../../signal/value.ts';

/** What a message of a WebSocket that knows nothing of CLASP comes to. */
export interface ForeignSignal {
  readonly kind: 'param' | 'event';
  readonly address: string;
  readonly value: Value;
}

/**
 * Reads a JSON message of a foreign peer: each member of an object becomes a param `{namespace}/{key}`, nested objects
 * stay values; `{ "address": "/a", "value": … }` becomes the param `{namespace}/a`; anything else is an event at
 * `{namespace}/message`. A key that no address can have is in the address as it is.
 */
export function foreignJson(message: Value, namespace: string): readonly ForeignSignal[] {
  if (typeof message !== 'object' || message === null || Array.isArray(message) || message instanceof Uint8Array) {
    return [{ kind: 'event', address: `${namespace}/message`, value: message }];
  }
  const members = message as { readonly [key: string]: Value };
  const { address, value } = members;
  if (typeof address === 'string' && value !== undefined) {
    return [{ kind: 'param', address: `${namespace}/${address.replace(/^\/+/, '')}`, value }];
  }
  return Object.entries(members).map(([key, member]) => ({
    kind: 'param',
    address: `${namespace}/${key}`,
    value: member,
  }));
}

/** What is sent to a foreign peer for a signal: `{ name: value }`, with the name below the namespace. */
export function toForeignJson(address: string, value: Value, namespace: string): Value {
  const name = address.startsWith(`${namespace}/`) ? address.slice(namespace.length + 1) : address.slice(1);
  return { [name]: value };
}
