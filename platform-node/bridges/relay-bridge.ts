import { type SchedulerLike, Subscription } from 'rxjs';
import type { Scopes } from '../../core/address/scope.ts';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import type { Authenticate, CompiledGrant } from '../../operators/router/authenticate.ts';
import { countHops } from '../../operators/routes/count-hops.ts';
import type { HopBudget } from '../../operators/routes/hop-budget.ts';
import { checkEntry } from '../config/check-entry.ts';
import type { BridgeContext } from './bridge-type.ts';
import type { BridgeConfig } from './bridge-types.ts';
import { bridgeTypes } from './bridge-types.ts';

/** What becomes of a bridge: its own events, and its end. */
export type RelayBridgeEvent =
  | BridgeEvent
  /** It has ended: closed by its client, or for a reason that it cannot survive. */
  | { readonly type: 'ended'; readonly bridge: string; readonly reason: ClaspError | undefined };

/** What a bridge takes from its relay. */
export interface RelayBridgeOptions {
  /** Makes its client, and the participants that it lets in. */
  readonly client: (name: string, may?: Scopes | CompiledGrant) => Client;
  /** Counts what its own client passes on; whom it lets in is outside. */
  readonly budget: HopBudget;
  /** The address that the relay is bound to. */
  readonly relayHost: string;
  readonly authenticate: Authenticate | undefined;
  /** Brings WebSockets of a subprotocol. */
  readonly webSockets?: BridgeContext['webSockets'];
  /** Told what happens to it, until it is closed. */
  readonly tell: (event: RelayBridgeEvent) => void;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike | undefined;
}

/** Where an open bridge is. */
export interface BridgeAddress {
  readonly name: string;
  /** For people: where it listens, what it is connected to, or where one that only sends sends to. */
  readonly address: string;
  /** Those that one sends to which listens too, where they are known. */
  readonly targets?: readonly string[];
}

/** A bridge of a running relay. */
export interface RelayBridge {
  readonly name: string;
  /** The entry it was opened with. */
  readonly config: BridgeConfig;
  /**
   * Resolves with where it is once it is open; with undefined when it has to try again, says nothing for 5 s, or is
   * closed before. Rejects with a `ClaspError` when it can never work.
   */
  readonly opened: Promise<BridgeAddress | undefined>;
  /** Closes it with everybody it has let in; nothing is told any more. */
  close(): void;
}

/** Milliseconds that the relay waits for a bridge to say that it is open. */
const PATIENCE = 5_000;

/** The name of a bridge, in events and as a client. */
export function bridgeName({ name, type }: BridgeConfig): string {
  return name ?? type;
}

/** Opens one bridge of a relay: loads its kind, checks its entry, gives it a client, and follows it. */
export function relayBridge(config: BridgeConfig, options: RelayBridgeOptions): RelayBridge {
  const { client, budget, relayHost, authenticate, webSockets, tell, scheduler = monotonicScheduler } = options;
  const name = bridgeName(config);
  const following = new Subscription();
  const participants = new Set<Client>();

  const join = (participant: string, may?: CompiledGrant): Client => {
    const joined = client(participant, may);
    participants.add(joined);
    joined.status.subscribe({ complete: () => participants.delete(joined) });
    if (following.closed) joined.close();
    return joined;
  };
  const close = () => {
    // Before its clients: a bridge that is closed has not ended by itself.
    following.unsubscribe();
    for (const participant of participants) participant.close();
  };
  const ended = (reason: ClaspError | undefined) => {
    close();
    tell({ type: 'ended', bridge: name, reason });
  };

  const open = async (): Promise<BridgeAddress | undefined> => {
    const type = await bridgeTypes[config.type]();
    const entry = checkEntry(type.schema, config, name);
    if (following.closed) return undefined;
    return new Promise((resolve, reject) => {
      let isOpening = true;
      const opened = (address?: BridgeAddress) => {
        isOpening = false;
        resolve(address);
      };
      following.add(() => resolve(undefined));
      following.add(scheduler.schedule(() => opened(), PATIENCE));
      const context = { name, relayHost, scheduler, join, authenticate, ...(webSockets && { webSockets }) };
      following.add(
        type.open(countHops(join(name), budget), entry, context).subscribe({
          next: (event) => {
            tell(event);
            if (event.type === 'ready') {
              const { address, targets } = event;
              opened({ name, address, ...(targets && { targets }) });
            } else if (event.type === 'retrying') opened();
          },
          error: (cause) => {
            const reason = ClaspError.from(cause, ErrorCode.Internal);
            if (isOpening) reject(reason);
            else ended(reason);
          },
          complete: () => ended(undefined),
        }),
      );
    });
  };

  const opened = open().catch((cause: unknown) => {
    const reason = ClaspError.from(cause, ErrorCode.Internal);
    // A failure after it was closed is not told.
    if (following.closed) return undefined;
    ended(reason);
    throw reason;
  });
  return { name, config, opened, close };
}
