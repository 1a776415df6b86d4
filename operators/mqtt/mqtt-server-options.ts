import type { SchedulerLike } from 'rxjs';
import type { Client } from '../../core/client.ts';
import type { Scopes } from '../../core/scope.ts';
import type { Authenticate } from '../router/authenticate.ts';

export interface MqttServerLimits {
  /** Where topics live in the relay; `''` for the root. @defaultValue '/mqtt' */
  readonly namespace?: string;
  /** Clients with a session, connected or not. @defaultValue 10000 */
  readonly maxClients?: number;
  /** Seconds for which a client that is gone is remembered, at most. @defaultValue 3600 */
  readonly maxSessionExpiry?: number;
  /**
   * Messages, params not counted, that wait for one client, and 8 MiB at most. Beyond it a client that is connected is cut
   * off, and one that is away loses the oldest. While it is away the same holds for params, of which the newest value of
   * each topic waits. @defaultValue 10000
   */
  readonly maxQueued?: number;
  /** Topic filters of one client. @defaultValue 1000 */
  readonly maxFilters?: number;
  /** Unconfirmed messages at a time, in either direction. @defaultValue 100 */
  readonly maxInflight?: number;
  /** Topics that may be told by number, in either direction. @defaultValue 32 */
  readonly maxTopicAliases?: number;
  /** Seconds: a client of MQTT 5 that wants to be silent for longer is told this. 0 for any. @defaultValue 0 */
  readonly maxKeepalive?: number;
  /** Milliseconds in which a client must say who it is. @defaultValue 10000 */
  readonly connectTimeout?: number;
  /** Bytes of a packet from a client. @defaultValue 262144 */
  readonly maxPacketSize?: number;
}

export interface MqttServerOptions extends MqttServerLimits {
  /** Makes the participant of a client. */
  readonly join: (name: string, scopes: Scopes) => Client;
  /** Decides what the bearer of a password, its token, may do; is told the user name. @defaultValue open: everybody may do everything */
  readonly authenticate?: Authenticate | undefined;
  /** Gives an id to a client that has none. */
  readonly clientId: () => string;
  /** Clock and timer. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike;
}
