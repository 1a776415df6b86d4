import type { Observable } from 'rxjs';
import type { BridgeEvent, Client } from '../core/client/client.ts';
import type { DmxFrame } from '../core/protocols/dmx/dmx-input.ts';
import type { DmxMapping } from '../core/protocols/dmx/dmx-mapping.ts';
import type { Defer } from '../core/time/schedule-once.ts';
import { type BridgeOptions, bridge } from '../operators/bridge.ts';
import type { DmxMode } from './dmx-signals.ts';
import { dmxWrites } from './dmx-writes.ts';

export interface DmxLinkOptions
  extends Pick<BridgeOptions<DmxFrame>, 'name' | 'namespace' | 'open' | 'reconnect' | 'scheduler'> {
  readonly mapping: DmxMapping;
  readonly mode: DmxMode;
  /** The universes that are subscribed to; undefined for everything below the namespace. */
  readonly universes?: readonly number[] | undefined;
  /** What else goes to the sink where universes are named. */
  readonly beside?: readonly string[] | undefined;
  /** When frames that came in are written: those that arrive until then go together. @defaultValue at once */
  readonly defer?: Defer | undefined;
}

/** With more universes than this, everything below the namespace is subscribed to at once. */
const MAX_PATTERNS = 256;

/**
 * The bridge of everything that has universes: frames that come in are written, and the sink, which gathers what it is
 * given, is told of the relay's state and of what changes.
 */
export function dmxLink(client: Client, options: DmxLinkOptions): Observable<BridgeEvent> {
  const { name, namespace, open, reconnect, scheduler, mapping, mode, universes, beside = [] } = options;
  const write = dmxWrites(client, mapping, mode, options.defer);
  const isNamed = universes !== undefined && universes.length <= MAX_PATTERNS;

  return bridge<DmxFrame>({
    client,
    name,
    namespace,
    open,
    reconnect,
    scheduler,
    patterns: isNamed ? [...universes.map((universe) => `${mapping.frame(universe)}/**`), ...beside] : undefined,
    types: ['param', 'stream'],
    snapshot: false,
    // What came in is known to source and sink level by level, whoever sent it.
    echoWindow: 0,
    write: (_client, frame) => write(frame),
  });
}
