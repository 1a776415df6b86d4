import { filter, Observable } from 'rxjs';
import type { Client } from '../../core/client/client.ts';
import type { DatagramSocket } from '../../core/connection/datagram.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { encodeOsc } from '../../core/protocols/osc/osc-encode.ts';
import type { OscKnownAddresses } from '../../core/protocols/osc/osc-known.ts';
import { type OscNoArguments, toOsc } from '../../core/protocols/osc/osc-mapping.ts';
import type { OscPeers } from '../../core/protocols/osc/osc-peers.ts';
import type { Signal } from '../../core/signal/signal.ts';
import { monotonicScheduler } from '../../core/time/monotonic-scheduler.ts';
import { FailureDigest } from '../../operators/failure-digest.ts';
import { paceSnapshot } from '../../operators/pace-snapshot.ts';
import { GroupWriter } from '../../operators/router/group-writer.ts';
import type { WaitingQuota } from '../../operators/router/waiting-quota.ts';
import { type OscSinkOptions, oscSink } from '../../sinks/osc.ts';
import { oscGroupSource } from '../../sources/osc.ts';
import { isLocal } from '../host-port.ts';
import { type OscPeriodicMessage, sendPeriodic } from './osc-periodic.ts';

/** What one open socket needs to know of its bridge. */
export interface OscOverSocketOptions extends Omit<OscSinkOptions, 'peers'> {
  /** Whether targets receive the current params at the start. @defaultValue true */
  readonly sendState?: boolean;
  /** Named in the origin of signals. @defaultValue 'osc' */
  readonly name?: string;
  /** What a message without arguments is. @defaultValue 'event' */
  readonly noArguments?: OscNoArguments;
  /** Whether bundles wait for their time. @defaultValue 'schedule' */
  readonly timetags?: 'schedule' | 'ignore';
  /** What is sent again and again. @defaultValue nothing */
  readonly periodic?: readonly OscPeriodicMessage[];
}

/** What all sockets of one bridge share. */
export interface OscBridgeShare {
  /** The OSC addresses that patterns from outside are applied to. */
  readonly known: OscKnownAddresses;
  /** The places in which bundles wait for their time. */
  readonly quota: WaitingQuota;
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
  { known, quota }: OscBridgeShare,
): Observable<ClaspError> {
  const { namespace = '/osc', targets = [], sendState = true, name = 'osc', hints = {} } = options;
  const { noArguments = 'event', timetags = 'schedule', periodic = [], scheduler = monotonicScheduler } = options;

  return new Observable((out) => {
    const digest = new FailureDigest({ scheduler });
    out.add(() => digest.close());
    const sink = oscSink(socket.send, { targets, namespace, hints, noArguments, peers, scheduler });
    const now = () => client.time();
    const asked = (address: string, from: string) => {
      const value = client.cached(address) ?? null;
      if (value === null) {
        digest.report(ErrorCode.NotFound, 'asked for a value that is not there', { where: from, address });
        return;
      }
      try {
        const tags = peers.tags(address);
        socket.send(encodeOsc(toOsc({ kind: 'param', address, value }, { namespace, tags })), from);
      } catch (cause) {
        digest.pass(ClaspError.from(cause, ErrorCode.BadValue));
      }
    };
    const understood = { noArguments, asked, timetags, known };
    const source = oscGroupSource(socket.incoming, { namespace, name, peers, scheduler, now, ...understood });
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
    const writer = new GroupWriter(client, scheduler, { quota, failed: (failure) => digest.pass(failure) });
    out.add(() => writer.close());
    out.add(
      source.subscribe({
        next: (group) => {
          const { params, at, from } = group;
          for (const { address } of params) known.add(address.slice(namespace.length));
          writer.write({ params, at, from: senderOf(from) });
        },
        complete: () => out.complete(),
      }),
    );
    const receivers = targets.map((target) => (typeof target === 'string' ? target : target.to));
    out.add(
      sendPeriodic(periodic, receivers, socket.send, scheduler).subscribe({ error: (cause) => out.error(cause) }),
    );
  });
}

/** Many programs send each packet from another port: all of a machine is one sender, but this one has many of them. */
function senderOf(from: string): string {
  const host = from.slice(0, from.lastIndexOf(':'));
  return isLocal(host) ? from : host;
}
