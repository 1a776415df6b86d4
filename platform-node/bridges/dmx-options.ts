import { distinctUntilChanged, map, type OperatorFunction, pipe } from 'rxjs';
import type { BridgeEvent } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { formatHostPort, parseHostPort } from '../host-port.ts';
import { resolveInterface } from '../network-interface.ts';

/** What the bridges of levels have in common. */
export interface DmxOptions {
  readonly universes?: readonly number[] | undefined;
  readonly rate?: number | undefined;
  readonly keepAlive?: number | undefined;
  readonly timeout?: number | undefined;
}

/** Frames a second that can be asked for. */
export const MAX_RATE = 1_000;

/** Throws a `ClaspError` 402 that names the option out of range, and its value. */
export function checkDmxOptions(
  { universes = [], rate = 44, keepAlive = 1_000, timeout = 1_000 }: DmxOptions,
  [lowest, highest]: readonly [number, number],
): void {
  for (const universe of universes) {
    check(
      'universe',
      universe,
      Number.isInteger(universe) && universe >= lowest && universe <= highest,
      `from ${lowest} to ${highest}`,
    );
  }
  check('rate', rate, rate > 0 && rate <= MAX_RATE, `above 0 and at most ${MAX_RATE}`);
  check('keepAlive', keepAlive, keepAlive >= 0 && Number.isFinite(keepAlive), '0 or more');
  check('timeout', timeout, timeout > 0 && Number.isFinite(timeout), 'above 0');
}

/** An address with its port, or with the usual one. Throws a `ClaspError` 402 for what is neither. */
export function withPort(target: string, port: number): string {
  const { host, port: own } = parseHostPort(/:\d+$/.test(target) ? target : `${target}:${port}`);
  return formatHostPort(host, own);
}

/**
 * Where a bridge is, for people: where it listens, on the chosen network though its socket is bound to all addresses, and
 * its targets where there are any; of one that only sends, where that goes.
 */
export function shownWay(
  address: string,
  { listen, interface: network }: { readonly listen?: unknown; readonly interface?: string | undefined },
  receivers: readonly string[],
  targets: readonly string[],
): { readonly address: string; readonly targets?: readonly string[] } {
  if (listen === false && receivers.length > 0) return { address: receivers.join(', ') };
  const { host, port } = parseHostPort(address);
  const shown = formatHostPort(network === undefined || host !== '0.0.0.0' ? host : resolveInterface(network), port);
  return { address: shown, ...(receivers.length > 0 && targets.length > 0 && { targets }) };
}

/** Lists of peers as lists of their names, each once as long as it is the same. */
export function devicesOf<Peer>(
  bridge: string,
  nameOf: (peer: Peer) => string,
): OperatorFunction<readonly Peer[], BridgeEvent> {
  return pipe(
    map((peers: readonly Peer[]) => peers.map(nameOf)),
    distinctUntilChanged((a, b) => a.length === b.length && a.every((name, i) => name === b[i])),
    map((devices): BridgeEvent => ({ type: 'devices', bridge, devices })),
  );
}

function check(field: string, value: number, fits: boolean, wanted: string): void {
  if (!fits) throw new ClaspError(ErrorCode.BadValue, `${field} ${value} is not ${wanted}`, { value });
}
