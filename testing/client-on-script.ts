import type { Observable } from 'rxjs';
import type { Client, ClientStatus, OnOptions } from '../core/client/client.ts';
import type { ClaspError } from '../core/errors.ts';
import type { Signal } from '../core/signal/signal.ts';
import type { Message, ParamState } from '../core/wire/message.ts';
import { createClient } from '../operators/client/client.ts';
import type { ClientOptions } from '../operators/client/relay-client.ts';
import { type ScriptedRelay, scriptedRelay } from './scripted-relay.ts';

/** A client at a scripted relay, and all it says of itself. */
export interface ClientOnScript {
  readonly relay: ScriptedRelay;
  readonly client: Client;
  readonly errors: readonly ClaspError[];
  /** Codes of the errors so far. */
  codes(): number[];
  readonly states: readonly ClientStatus[];
}

/** Makes a client that waits for WELCOME, sends no SYNC and knows that its relay acknowledges; its waits between attempts are as long as they can be. */
export function clientOnScript(options: ClientOptions = {}, make: typeof createClient = createClient): ClientOnScript {
  const relay = scriptedRelay();
  const client = make(relay.dial, {
    scheduler: relay.time,
    random: () => 1,
    sync: false,
    acknowledges: true,
    ...options,
  });
  const errors: ClaspError[] = [];
  const states: ClientStatus[] = [];
  client.errors.subscribe((error) => errors.push(error));
  client.status.subscribe((status) => states.push(status));
  return { relay, client, errors, codes: () => errors.map(({ code }) => code), states };
}

/** Makes a client that has been welcomed by a relay which knows no params and has read everything. */
export function welcomedClient(options?: ClientOptions, make?: typeof createClient): ClientOnScript {
  const made = clientOnScript(options, make);
  made.relay.welcome();
  return made;
}

/** Lets the client dial again after a loss; the relay has not answered yet. */
export function redial({ relay, states }: ClientOnScript): void {
  const status = states.at(-1);
  if (status?.state === 'disconnected') relay.pass(status.retryInMs);
}

/** What a reply came to so far: nothing, its value, or the code it failed with. */
export function answerOf(reply: Observable<unknown>): unknown[] {
  const heard: unknown[] = [];
  reply.subscribe({ next: (value) => heard.push(value), error: (error: ClaspError) => heard.push(error.code) });
  return heard;
}

/** A signal in short: address, kind, value, and `!` where it came out of a snapshot. */
export function inShort(signal: Signal): string {
  const value = signal.kind === 'timeline' ? signal.keyframes.length : JSON.stringify(signal.value);
  return `${signal.address} ${signal.kind} ${value}${signal.kind === 'param' && signal.snapshot ? '!' : ''}`;
}

/** What a new subscriber hears, in short. */
export function heardBy(client: Client, pattern: string, options: OnOptions = {}): string[] {
  const heard: string[] = [];
  client.on(pattern, options).subscribe({
    next: (signal) => heard.push(inShort(signal)),
    error: (error: ClaspError) => heard.push(`error ${error.code}`),
    complete: () => heard.push('complete'),
  });
  return heard;
}

/** A param of a snapshot. */
export const state = (address: string, value: ParamState['value'], revision: number): ParamState => ({
  address,
  value,
  revision,
});

export const snapshot = (...params: ParamState[]): Message => ({ type: 'SNAPSHOT', params });

/** A change as the relay tells it. */
export const change = (address: string, value: ParamState['value'], revision: number): Message => ({
  type: 'SET',
  address,
  value,
  revision,
});
