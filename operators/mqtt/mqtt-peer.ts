import type { Observable } from 'rxjs';
import type { MqttPacket } from '../../core/protocols/mqtt/mqtt-packet.ts';
import type { Introduction } from '../router/authenticate.ts';

/** One MQTT client's connection, as packets: what a server of MQTT is given. */
export interface MqttPeer {
  /** Where it is, for people. */
  readonly peer: string;
  /** Its IP address, and whether the way is encrypted, as far as they are known. */
  readonly arrival?: Pick<Introduction, 'peer' | 'secure'> | undefined;
  /**
   * Packets from it. Hot: subscribe in the turn you receive the peer, once. Completes when it closes; errors with a
   * `ClaspError` (100, 101) for what is no packet, after which the peer is closed.
   */
  readonly packets: Observable<MqttPacket>;
  /** Whether it lags behind: hold back what can wait. Replays its value. */
  readonly saturated: Observable<boolean>;
  /** Sends a packet. False, and nothing is sent, where it would be longer than `maxBytes`. Ignored after the end. */
  send(packet: MqttPacket, maxBytes?: number): boolean;
  /** Closes, after everything sent before. */
  close(): void;
}
