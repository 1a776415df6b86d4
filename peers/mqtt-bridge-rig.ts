import mqtt, { type MqttClient } from 'mqtt';
import { NEVER, type Observable } from 'rxjs';
import { expect, vi } from 'vitest';
import type { BridgeEvent, Client } from '../core/client/client.ts';
import type { Connection } from '../core/connection/connection.ts';
import type { ClaspError } from '../core/errors.ts';
import { type Router, router } from '../operators/router/router.ts';
import { type MqttBridgeOptions, mqttBridge } from '../platform-node/bridges/mqtt-bridge.ts';
import { type Mosquitto, mosquitto } from './mosquitto.ts';

/** What a test has opened; `afterEach(closeAll)`. */
export const open: (() => unknown)[] = [];

/** Closes it, the newest first. */
export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close();
}

/** A broker that is closed with the test. */
export async function broker(settings?: readonly string[]): Promise<Mosquitto> {
  const started = await mosquitto(settings);
  open.push(() => started.close());
  return started;
}

/** A relay in this process, and a client of it. */
export function relay(connections: Observable<Connection> = NEVER): { relay: Router; app: Client } {
  const running = router();
  const subscription = running(connections).subscribe();
  open.push(() => subscription.unsubscribe());
  return { relay: running, app: running.client('app') };
}

/** A bridge that runs, and what it told. */
export interface RunningBridge {
  readonly events: readonly BridgeEvent[];
  count(type: BridgeEvent['type']): number;
  /** Resolves when it was ready so often. */
  ready(times?: number): Promise<void>;
  failures(): readonly ClaspError[];
  /** What it errored with, or `'complete'`. */
  ended(): unknown;
  close(): void;
}

/** Opens a bridge. */
export function bridge(client: Client, options: MqttBridgeOptions): RunningBridge {
  const events: BridgeEvent[] = [];
  let ended: unknown;
  const running = mqttBridge(client, options).subscribe({
    next: (event) => events.push(event),
    error: (reason) => {
      ended = reason;
    },
    complete: () => {
      ended = 'complete';
    },
  });
  open.push(() => running.unsubscribe());
  const count = (type: BridgeEvent['type']) => events.filter((event) => event.type === type).length;
  const ready = (times = 1) => vi.waitFor(() => expect(count('ready')).toBe(times), 20_000);
  const failures = () => events.flatMap((event) => (event.type === 'failure' ? [event.failure] : []));
  return { events, count, ready, failures, ended: () => ended, close: () => running.unsubscribe() };
}

/** A program at the broker, and what it received: `topic payload`, with ` (r)` for what was published retained. */
export async function device(port: number, filter: string): Promise<{ received: string[]; client: MqttClient }> {
  const received: string[] = [];
  const client: MqttClient = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5 });
  open.push(() => client.endAsync(true));
  client.on('message', (topic, payload, { retain }) => {
    received.push(`${topic} ${payload}${retain ? ' (r)' : ''}`);
  });
  await client.subscribeAsync(filter, { qos: 1, rap: true });
  return { received, client };
}

/** Where a broker is. */
export const url = ({ port }: Mosquitto): string => `mqtt://127.0.0.1:${port}`;
/** Waits until `check` does not throw. */
export const waitFor = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 10_000, interval: 20 });
