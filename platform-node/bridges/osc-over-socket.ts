import { filter, Observable } from 'rxjs';
import type { Client } from '../../core/client/client.ts';
import type { DatagramSocket } from '../../core/connection/datagram.ts';
import type { ClaspError } from '../../core/errors.ts';
import type { OscPeers } from '../../core/protocols/osc/osc-peers.ts';
import type { Signal } from '../../core/signal/signal.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { FailureDigest } from '../../operators/failure-digest.ts';
import { paceSnapshot } from '../../operators/pace-snapshot.ts';
import { GroupWriter } from '../../operators/router/group-writer.ts';
import { type OscSinkOptions, oscSink } from '../../sinks/osc.ts';
import { oscGroupSource } from '../../sources/osc.ts';

/** What one open socket needs to know of its bridge. */
export interface OscOverSocketOptions extends Omit<OscSinkOptions, 'peers'> {
  /** Whether targets receive the current params at the start. @defaultValue true */
  readonly sendState?: boolean;
  /** Named in the origin of signals. @defaultValue 'osc' */
  readonly name?: string;
}

/**
 * Joins a relay with OSC over one open socket, be it UDP or a peer over TCP: what comes in is written, what changes is
 * sent to the targets. Emits failures; ends when the socket or the client is closed, errors when the relay refuses.
 */
export function oscOverSocket(
  socket: DatagramSocket,
  client: Client,
  options: OscOverSocketOptions,
  peers: OscPeers,
): Observable<ClaspError> {
  const { namespace = '/osc', targets = [], sendState = true, name = 'osc', hints = {} } = options;
  const { scheduler = monotonicScheduler } = options;

  return new Observable((out) => {
    const digest = new FailureDigest({ scheduler });
    out.add(() => digest.close());
    const sink = oscSink(socket.send, { targets, namespace, hints, peers, scheduler });
    const now = () => client.time();
    const source = oscGroupSource(socket.incoming, { namespace, name, peers, scheduler, now });
    const fail = (failure: ClaspError) => out.next(failure);
    out.add(digest.failures.subscribe(fail));
    out.add(socket.failures.subscribe(fail));
    out.add(source.failures.subscribe(fail));
    out.add(sink.failures.subscribe((failure) => digest.pass(failure)));

    const wanted = (signal: Signal) => sendState || signal.kind !== 'param' || signal.snapshot !== true;
    out.add(
      client
        .on(`${namespace}/**`, { types: ['param', 'event', 'stream'] })
        .pipe(filter(wanted), paceSnapshot({ scheduler }))
        .subscribe({
          next: (signal) => sink.next(signal),
          error: (reason) => out.error(reason),
          complete: () => out.complete(),
        }),
    );
    const writer = new GroupWriter(client, scheduler);
    out.add(() => writer.close());
    out.add(source.subscribe({ next: (group) => writer.write(group), complete: () => out.complete() }));
  });
}
