import mqtt, { type IClientOptions, type IConnackPacket, type IPublishPacket, type MqttClient } from 'mqtt';
import { NEVER } from 'rxjs';
import { expect, vi } from 'vitest';
import type { BridgeEvent, Client } from '../core/client/client.ts';
import type { ClaspError } from '../core/errors.ts';
import type { Authenticate } from '../operators/router/authenticate.ts';
import { router } from '../operators/router/router.ts';
import { type MqttServerBridgeOptions, mqttServerBridge } from '../platform-node/bridges/mqtt-server-bridge.ts';
import { open } from './mqtt-bridge-rig.ts';

/** A relay with an MQTT server before it. */
export interface MqttRelay {
  readonly port: number;
  readonly app: Client;
  readonly events: readonly BridgeEvent[];
  failures(): readonly ClaspError[];
  /** The ids of the clients that are connected, as last told. */
  devices(): readonly string[];
  close(): void;
}

/** Starts one on a free port; closed with the test. */
export async function mqttRelay(
  options: MqttServerBridgeOptions & { readonly authenticate?: Authenticate } = {},
): Promise<MqttRelay> {
  const relay = router();
  const running = relay(NEVER).subscribe();
  open.push(() => running.unsubscribe());
  const events: BridgeEvent[] = [];
  let ended: unknown;
  const { authenticate, ...rest } = options;
  const access = { join: relay.client, authenticate };
  const bridge = mqttServerBridge(access, { port: 0, host: '127.0.0.1', ...rest }).subscribe({
    next: (event) => events.push(event),
    error: (reason) => {
      ended = reason;
    },
  });
  open.push(() => bridge.unsubscribe());
  await vi.waitFor(() => expect(events[0] ?? ended).toBeDefined());
  if (ended) throw ended;
  const address = events[0]?.type === 'ready' ? events[0].address : '';
  return {
    port: Number(address.split(':').at(-1)),
    app: relay.client('app'),
    events,
    failures: () => events.flatMap((event) => (event.type === 'failure' ? [event.failure] : [])),
    devices: () => events.flatMap((event) => (event.type === 'devices' ? [event.devices] : [])).at(-1) ?? [],
    close: () => bridge.unsubscribe(),
  };
}

/** An MQTT client, and what it received. */
export interface Probe {
  readonly client: MqttClient;
  /** `topic payload`, with ` (r)` for what carries the retain flag. */
  readonly received: string[];
  readonly packets: IPublishPacket[];
  /** Whether the server knew it already. */
  readonly sessionPresent: boolean;
  /** What else the server said in its answer. */
  readonly properties: NonNullable<IConnackPacket['properties']>;
  /** Cuts the wire without a word. */
  cut(): void;
  end(): Promise<void>;
}

/** Connects mqtt.js, which does not come back by itself; closed with the test. */
export async function probe(port: number, options: IClientOptions = {}): Promise<Probe> {
  const received: string[] = [];
  const packets: IPublishPacket[] = [];
  const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, protocolVersion: 5, ...options });
  client.on('message', (topic, payload, packet) => {
    received.push(`${topic} ${payload}${packet.retain ? ' (r)' : ''}`);
    packets.push(packet);
  });
  open.push(() => client.endAsync(true));
  const { sessionPresent, properties = {} } = await new Promise<IConnackPacket>((resolve, reject) => {
    client.once('connect', resolve);
    client.once('error', reject);
  });
  client.on('error', () => undefined);
  return {
    client,
    received,
    packets,
    sessionPresent,
    properties,
    cut: () => client.stream.destroy(),
    end: () => client.endAsync(),
  };
}
