// The program that `bridge-process.ts` starts: a relay with the bridges of its argument; writes what happens as lines of
// JSON, and sets params that it reads as `[address, value]`, until its input ends.
import { createInterface } from 'node:readline';
import { NEVER, Subscription } from 'rxjs';
import type { BridgeEvent } from '../core/client/client.ts';
import type { ClaspError } from '../core/errors.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { router } from '../operators/router/router.ts';
import { artnetBridgeType } from '../platform-node/bridges/artnet-bridge-type.ts';
import { sacnBridgeType } from '../platform-node/bridges/sacn-bridge-type.ts';

const types = { artnet: artnetBridgeType, sacn: sacnBridgeType };
const entries: { type: keyof typeof types }[] = JSON.parse(process.argv[2] ?? '[]');
const relay = router();
const running = relay(NEVER).subscribe();
const bridges = new Subscription();
const app = relay.client('app');

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const plain = (value: unknown) =>
  value instanceof Uint8Array ? [...value] : typeof value === 'bigint' ? Number(value) : value;
const told = (event: BridgeEvent) =>
  say(
    event.type === 'failure'
      ? { ...event, failure: { code: event.failure.code, reason: event.failure.reason } }
      : event,
  );

app.on('/**').subscribe((signal) => {
  if (signal.kind === 'param' || signal.kind === 'stream') {
    say({ type: 'signal', address: signal.address, value: plain(signal.value) });
  }
});
for (const entry of entries) {
  const { schema, open } = types[entry.type] as (typeof types)['artnet'];
  const config = schema.parse(entry);
  const context = {
    name: config.name ?? config.type,
    relayHost: '127.0.0.1',
    scheduler: monotonicScheduler,
    join: (name: string) => relay.client(name),
    authenticate: undefined,
  };
  bridges.add(
    open(relay.client(context.name), config, context).subscribe({
      next: told,
      error: (reason: ClaspError) => say({ type: 'ended', reason: reason.message }),
    }),
  );
}
const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
  const [address, value] = JSON.parse(line);
  app.set(address, value);
});
input.on('close', () => {
  bridges.unsubscribe();
  running.unsubscribe();
  process.exit(0);
});
