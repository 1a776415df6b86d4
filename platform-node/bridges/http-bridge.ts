import { Observable, type SchedulerLike } from 'rxjs';
import type { BridgeEvent, Client } from '../../core/client/client.ts';
import { ClaspError } from '../../core/errors.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { FailureDigest } from '../../operators/failure-digest.ts';
import type { Authenticate, CompiledGrant } from '../../operators/router/authenticate.ts';
import { formatHostPort } from '../host-port.ts';
import { BearerClients, sharedClient } from '../http/bearer-clients.ts';
import { httpApi } from '../http/http-api.ts';
import { httpRoutes } from '../http/http-routes.ts';
import { httpServers } from '../http/http-servers.ts';
import { type HttpPoll, poll } from './http-poll.ts';
import { type Webhook, webhook } from './webhook.ts';

export interface HttpBridgeOptions {
  /** TCP port for the API under `/v1`; 0 takes a free one. @defaultValue none: only calls out */
  readonly port?: number;
  /** Address to bind to. @defaultValue 'localhost' */
  readonly host?: string;
  /** Origins of web pages that may use the API, or `*`. @defaultValue none */
  readonly cors?: readonly string[];
  /** The longest request body, in bytes. @defaultValue 1 048 576 */
  readonly maxBody?: number;
  /** URLs that are called when something happens. @defaultValue none */
  readonly webhooks?: readonly Webhook[];
  /** URLs that are read into params again and again. @defaultValue none */
  readonly polls?: readonly HttpPoll[];
  /** Named in events. @defaultValue 'http' */
  readonly name?: string;
  /** Makes a participant for each token that is used, and each listener to events. @defaultValue every request acts as the bridge itself, and listeners do not hear what requests emit */
  readonly join?: (name: string, grant: CompiledGrant) => Client;
  /**
   * Decides what the bearer of a token may do; without `join` it lets in only who is granted `admin:/**`.
   * @defaultValue open: everybody may do what the bridge may do
   */
  readonly authenticate?: Authenticate | undefined;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/**
 * Joins a relay with HTTP: serves its state and events under `/v1` on a port of its own, calls webhooks, and reads URLs
 * into params.
 *
 * Cold: subscribing opens, unsubscribing closes. Emits `ready`, then a failure a second at most: webhooks and polls that
 * do not get through. Errors with a `ClaspError` 500 when the port cannot be bound; completes when the client is closed.
 *
 * @example
 * ```ts
 * const relay = router();
 * relay(NEVER).subscribe();
 * const bridge = httpBridge(relay.client('http'), {
 *   webhooks: [{ pattern: '/door/*', url: 'http://localhost:9999/opened', types: ['event'] }],
 * });
 * bridge.subscribe({ error: console.error });
 * ```
 */
export function httpBridge(client: Client, options: HttpBridgeOptions = {}): Observable<BridgeEvent> {
  const { port, host = 'localhost', name: bridge = 'http', scheduler = monotonicScheduler } = options;

  return new Observable((out) => {
    const digest = new FailureDigest({ scheduler });
    const failed = (failure: ClaspError) => digest.pass(failure);
    out.add(() => digest.close());
    out.add(digest.failures.subscribe((failure) => out.next({ type: 'failure', bridge, failure })));
    out.add(client.status.subscribe({ complete: () => out.complete() }));

    const outward = () => {
      for (const hook of options.webhooks ?? []) out.add(webhook(client, hook, { failed, scheduler }));
      for (const one of options.polls ?? []) out.add(poll(client, one, { failed, scheduler }));
    };
    if (port === undefined) {
      out.next({ type: 'ready', bridge, address: 'outgoing only' });
      outward();
      return;
    }

    const { join, authenticate } = options;
    const clients = new BearerClients({
      ...(join ? { join } : sharedClient(client)),
      authenticate,
      name: bridge,
      scheduler,
    });
    const api = httpApi(clients, scheduler);
    out.add(client.status.subscribe(({ state }) => state === 'connected' && api.renew()));
    const { cors = [], maxBody } = options;
    const routing = { cors, ...(maxBody !== undefined && { maxBody }) };
    const http = httpServers({ host, request: httpRoutes(api.routes, routing), failed });
    out.add(() => {
      api.close();
      clients.close();
      http.close().catch(failed);
      http.destroy();
    });
    http.listen(port).then(
      (bound) => {
        if (out.closed) {
          http.destroy();
          return;
        }
        out.next({ type: 'ready', bridge, address: `http://${formatHostPort(host, bound)}` });
        outward();
      },
      (cause) => out.error(ClaspError.from(cause, 500)),
    );
  });
}
