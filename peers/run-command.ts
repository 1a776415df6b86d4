import { BehaviorSubject, NEVER, Observable, Subject } from 'rxjs';
import type { Client, ClientStatus } from '../core/client/client.ts';
import type { Connection, Connections } from '../core/connection/connection.ts';
import { memoryPair } from '../core/connection/memory-pair.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { createClient } from '../operators/client/client.ts';
import { type Router, type RouterOptions, router } from '../operators/router/router.ts';
import type { Command } from '../platform-node/cli/command.ts';
import type { Connect } from '../platform-node/cli/connect.ts';
import { run } from '../platform-node/cli/runner.ts';

/** What a command did. */
export interface Outcome {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** Runs a command without a process until it ends; `seen` is called at each line, with a Ctrl-C to press. */
export async function runCommand(
  command: Command,
  words: readonly string[],
  seen: (line: string, stop: () => void) => void = () => undefined,
): Promise<Outcome> {
  const stop = new Subject<void>();
  const out: string[] = [];
  const err: string[] = [];
  const print = (lines: string[]) => (line: string) => {
    lines.push(line);
    seen(line, () => stop.next());
  };
  const terminal = { env: {}, stop, unread: NEVER, out: print(out), err: print(err) };
  const code = await run([command.name, ...words], [command], terminal);
  return { code, out, err };
}

/** A relay in this process, which commands reach as from outside. */
export interface LocalRelay {
  readonly router: Router;
  readonly connect: Connect;
  readonly dial: Connections;
  /** Ends it and every session. */
  stop(): void;
  /** Starts it again, without its params. */
  restart(): void;
}

/** Starts a relay in this process, in real time. */
export function localRelay(options: RouterOptions = {}): LocalRelay {
  const connections = new Subject<Connection>();
  const relay = router(options);
  let running = relay(connections).subscribe();

  const dial = new Observable<Connection>((out) => {
    if (!connections.observed) {
      out.error(new ClaspError(ErrorCode.Timeout, 'nobody listens'));
      return undefined;
    }
    const [here, there] = memoryPair();
    out.next(here);
    connections.next(there);
    return () => here.outgoing.complete();
  });
  return {
    router: relay,
    dial,
    connect: ({ token }) => createClient(dial, { name: 'probe', token }),
    stop: () => running.unsubscribe(),
    restart: () => {
      running = relay(connections).subscribe();
    },
  };
}

/** A connected client that does what `verbs` say. */
export function fakeClient(verbs: object): Client {
  const status = new BehaviorSubject<ClientStatus>({ state: 'connected', session: 's', relay: 'r' });
  const counts = { dropped: 0, badFrames: 0 };
  return { status, errors: NEVER, counts, close: () => undefined, ...verbs } as unknown as Client;
}
