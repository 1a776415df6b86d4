import type { Observable } from 'rxjs';
import type { Client, ClientStatus } from '../core/client.ts';
import type { ClaspError } from '../core/errors.ts';
import { createClient } from '../operators/client.ts';
import type { ClientOptions } from '../operators/client-options.ts';
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

/** Makes a client that waits for WELCOME; its waits between attempts are as long as they can be. */
export function clientOnScript(options: ClientOptions = {}): ClientOnScript {
  const relay = scriptedRelay();
  const client = createClient(relay.dial, { scheduler: relay.time, random: () => 1, ...options });
  const errors: ClaspError[] = [];
  const states: ClientStatus[] = [];
  client.errors.subscribe((error) => errors.push(error));
  client.status.subscribe((status) => states.push(status));
  return { relay, client, errors, codes: () => errors.map(({ code }) => code), states };
}

/** Makes a client that has been welcomed by a relay which knows no params and has read everything. */
export function welcomedClient(options?: ClientOptions): ClientOnScript {
  const made = clientOnScript(options);
  made.relay.welcome();
  return made;
}

/** What a reply came to so far: nothing, its value, or the code it failed with. */
export function answerOf(reply: Observable<unknown>): unknown[] {
  const heard: unknown[] = [];
  reply.subscribe({ next: (value) => heard.push(value), error: (error: ClaspError) => heard.push(error.code) });
  return heard;
}
