import { BehaviorSubject, NEVER, Subject, VirtualTimeScheduler } from 'rxjs';
import type { Client } from '../core/client/client.ts';
import type { ClaspError } from '../core/errors.ts';
import type { MqttConnectPacket, MqttPacket, MqttPublishPacket, MqttWill } from '../core/protocols/mqtt/mqtt-packet.ts';
import type { MqttPeer } from '../operators/mqtt/mqtt-peer.ts';
import type { MqttServerOptions } from '../operators/mqtt/mqtt-server.ts';
import { MqttServer } from '../operators/mqtt/mqtt-server.ts';
import { router } from '../operators/router/router.ts';

/** A client without a wire: what it is sent, and whether it was closed. */
export interface Wire extends MqttPeer {
  readonly packets: Subject<MqttPacket>;
  readonly saturated: BehaviorSubject<boolean>;
  readonly received: MqttPacket[];
  closed: boolean;
}

/** A connection to `server` that has said nothing; told each packet that it is sent, and that it is closed. */
export function wireTo(server: MqttServer, told?: (packet: MqttPacket) => void, closed?: () => void): Wire {
  const made: Wire = {
    peer: 'memory',
    packets: new Subject<MqttPacket>(),
    saturated: new BehaviorSubject(false),
    received: [],
    closed: false,
    send: (packet) => {
      made.received.push(packet);
      told?.(packet);
      return true;
    },
    close: () => {
      made.closed = true;
      closed?.();
    },
  };
  server.accept(made);
  return made;
}

/** A server of MQTT in virtual time. */
export interface VirtualMqtt {
  readonly app: Client;
  readonly server: MqttServer;
  readonly failures: readonly ClaspError[];
  /** A connection that has said nothing. */
  wire(): Wire;
  /** One that has sent a CONNECT. */
  connect(more?: Partial<MqttConnectPacket>): Wire;
  pass(milliseconds: number): void;
}

/** Starts one, before a relay. */
export function setup(options: Partial<MqttServerOptions> = {}): VirtualMqtt {
  const time = new VirtualTimeScheduler();
  const relay = router({ scheduler: time, now: () => time.now() * 1_000 });
  relay(NEVER).subscribe();
  const failures: ClaspError[] = [];
  let ids = 0;
  const server = new MqttServer({
    join: (name, scopes) => relay.client(name, scopes),
    clientId: () => `id-${++ids}`,
    scheduler: time,
    ...options,
  });
  server.failures.subscribe((failure) => failures.push(failure));

  const wire = () => wireTo(server);
  const connect = (more: Partial<MqttConnectPacket> = {}): Wire => {
    const made = wire();
    const packet = { cmd: 'connect', protocolVersion: 5, clientId: 'c', clean: true, keepalive: 0 } as const;
    made.packets.next({ ...packet, ...more });
    return made;
  };
  const pass = (milliseconds: number) => {
    time.maxFrames = time.frame + milliseconds;
    const until = time.maxFrames;
    time.flush();
    time.frame = until;
  };
  return { app: relay.client('app'), server, failures, wire, connect, pass };
}

/** What a client was sent last. */
export const last = ({ received }: Wire): MqttPacket | undefined => received.at(-1);
/** The messages that it was sent. */
export const texts = ({ received }: Wire): string[] =>
  received.flatMap((packet) =>
    packet.cmd === 'publish' ? [`${packet.topic} ${new TextDecoder().decode(packet.payload)}`] : [],
  );
export const publish = (topic: string, text: string, more: Partial<MqttPublishPacket> = {}): MqttPublishPacket => {
  const payload = new TextEncoder().encode(text);
  return { cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false, ...more };
};
export const subscribe = (topic: string, qos: 0 | 1 | 2 = 1): MqttPacket => ({
  cmd: 'subscribe',
  messageId: 1,
  subscriptions: [{ topic, qos }],
});
export const will = (topic: string, willDelayInterval = 0): MqttWill => ({
  topic,
  payload: new TextEncoder().encode('gone'),
  properties: { willDelayInterval },
});
