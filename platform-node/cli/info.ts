import {
  catchError,
  map,
  mergeMap,
  Observable,
  Subscription,
  switchMap,
  take,
  takeUntil,
  throwError,
  throwIfEmpty,
  timer,
} from 'rxjs';
import type { Connection, Connections } from '../../core/connection/connection.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { decodeMessage, encodeMessage } from '../../core/wire/index.ts';
import { type Message, PROTOCOL_VERSION, type WelcomeMessage } from '../../core/wire/message.ts';
import { duration, type RelayStatus } from '../http/status-page.ts';
import { type Command, data, defineCommand, type Line } from './command.ts';
import { checkUrl, interruption, jsonOption, type Target, targetOptions, unreachable } from './connect.ts';
import { printable, recordJson } from './format.ts';

const options = { ...targetOptions, ...jsonOption } as const;

/** Milliseconds for a relay to say WELCOME, and then to answer SYNC. */
const PATIENCE = { welcome: 10_000, sync: 2_000 };
/** The quickest of this many round trips counts: the others waited for something. */
const ROUNDS = 5;

/** What `info` reaches outside for. */
export interface InfoSources {
  readonly dial: (url: string) => Connections;
  /** The figures a relay gives over HTTP; empty when it gives none. */
  readonly figures: (url: string) => Observable<Partial<RelayStatus>>;
  /** Microseconds since the Unix epoch. */
  readonly now: () => number;
}

/** `info`: who the relay is and how far away. */
export const infoCommand = (sources: InfoSources): Command =>
  defineCommand({
    name: 'info',
    summary: 'print who the relay is, what it can do and how far away it is',
    arguments: [],
    options,
    notes: ['Sessions, params and uptime are printed where the relay tells them over HTTP, as this one does.'],
    examples: [
      { what: 'the relay of this machine', run: 'clasp-rx info' },
      { what: 'another one', run: 'clasp-rx info --url ws://192.168.1.20:7330' },
    ],
    run: ({ url, token, json }, _args, stop) => {
      checkUrl(url);
      return meet(sources, { url, token }).pipe(
        map(([meeting, figures]) => reportOf(url, meeting, figures)),
        mergeMap((report) => (json ? [data(recordJson(report))] : table(report))),
        takeUntil(interruption(stop)),
      );
    },
  });

/** What a relay says of itself on meeting. */
interface Meeting {
  readonly welcome: WelcomeMessage;
  /** The quickest exchange of time, where there was any, microseconds. */
  readonly exchange: { readonly roundTrip: number; readonly offset: number } | undefined;
}

/**
 * Opens a session, exchanges the time a few times, asks for the figures and leaves. Emits once. The figures are asked for
 * while the session is certainly there, so that it can be left out of them.
 */
function meet({ dial, now, figures }: InfoSources, target: Target): Observable<[Meeting, Partial<RelayStatus>]> {
  return dial(target.url).pipe(
    switchMap((connection) =>
      greet(connection, target.token, now).pipe(
        take(1),
        mergeMap((meeting) =>
          figures(target.url).pipe(map((told): [Meeting, Partial<RelayStatus>] => [meeting, told])),
        ),
      ),
    ),
    take(1),
    throwIfEmpty(() => new ClaspError(ErrorCode.Timeout, 'the connection was closed')),
    catchError((cause) => throwError(() => unreachable(target, ClaspError.from(cause, ErrorCode.Timeout)))),
  );
}

function greet({ incoming, outgoing }: Connection, token: string | undefined, now: () => number): Observable<Meeting> {
  return new Observable((out) => {
    const send = (message: Message) => outgoing.next(encodeMessage(message));
    let patience = Subscription.EMPTY;
    let welcome: WelcomeMessage | undefined;
    let exchange: Meeting['exchange'];
    let rounds = 0;

    const sync = () => send({ type: 'SYNC', t1: now() });
    const conclude = () => {
      if (welcome) out.next({ welcome, exchange });
      else out.error(new ClaspError(ErrorCode.Timeout, `no WELCOME within ${PATIENCE.welcome / 1000} s`));
    };
    const waitFor = (milliseconds: number) => {
      patience.unsubscribe();
      patience = timer(milliseconds).subscribe(conclude);
    };

    const receive = (message: Message) => {
      if (message.type === 'WELCOME') {
        welcome = message;
        waitFor(PATIENCE.sync);
        sync();
      } else if (message.type === 'SYNC' && message.t2 !== undefined && message.t3 !== undefined) {
        const away = now() - message.t1;
        const roundTrip = away - (message.t3 - message.t2);
        const offset = (message.t2 + message.t3 - 2 * message.t1 - away) / 2;
        if (!exchange || roundTrip < exchange.roundTrip) exchange = { roundTrip, offset };
        if (++rounds < ROUNDS) sync();
        else conclude();
      } else if (message.type === 'ERROR' && !welcome) {
        out.error(new ClaspError(message.code, message.message, { address: message.address }));
      }
    };

    out.add(() => patience.unsubscribe());
    out.add(
      incoming.pipe(map((bytes) => decodeMessage(bytes).message)).subscribe({
        next: receive,
        error: (cause) => out.error(cause),
        complete: () => out.complete(),
      }),
    );
    waitFor(PATIENCE.welcome);
    send({ type: 'HELLO', version: PROTOCOL_VERSION, name: 'clasp-rx info', features: [], token });
  });
}

function reportOf(
  url: string,
  { welcome, exchange }: Meeting,
  { sessions, params, uptime, failures }: Partial<RelayStatus>,
): Report {
  return {
    relay: welcome.name,
    url,
    session: welcome.session,
    protocol: welcome.version,
    features: welcome.features,
    roundTripMs: exchange && exchange.roundTrip / 1000,
    clockOffsetMs: exchange && exchange.offset / 1000,
    // Without the one of this command.
    sessions: sessions === undefined ? undefined : Math.max(0, sessions - 1),
    params,
    uptime,
    failures,
  };
}

/** What is printed; the last four come over HTTP. */
interface Report {
  readonly relay: string;
  readonly url: string;
  readonly session: string;
  readonly protocol: number;
  readonly features: readonly string[];
  readonly roundTripMs: number | undefined;
  /** How far the relay's clock is ahead of this machine's. */
  readonly clockOffsetMs: number | undefined;
  readonly sessions: number | undefined;
  readonly params: number | undefined;
  /** Seconds. */
  readonly uptime: number | undefined;
  /** What did not get through at each bridge, packets that the system dropped included. */
  readonly failures: Readonly<Record<string, number>> | undefined;
}

function table({ roundTripMs, clockOffsetMs, sessions, params, uptime, failures = {}, ...report }: Report): Line[] {
  const rows: readonly (readonly [name: string, value: string | number | undefined])[] = [
    ['relay', printable(report.relay)],
    ['url', report.url],
    ['session', printable(report.session)],
    ['protocol', report.protocol],
    ['features', report.features.join(' ')],
    ['round trip', roundTripMs === undefined ? undefined : `${roundTripMs.toFixed(2)} ms`],
    ['clock', clockOffsetMs === undefined ? undefined : aheadOf(clockOffsetMs)],
    ['sessions', sessions],
    ['params', params],
    ['failures', failuresOf(failures)],
    ['up for', uptime === undefined ? undefined : duration(uptime)],
  ];
  return rows.filter(([, value]) => value !== undefined).map(([name, value]) => data(`${name.padEnd(12)}${value}`));
}

function failuresOf(failures: Readonly<Record<string, number>>): string | undefined {
  const counts = Object.entries(failures).map(([bridge, count]) => `${printable(bridge)} ${count}`);
  return counts.length > 0 ? counts.join(', ') : undefined;
}

function aheadOf(offsetMs: number): string {
  return `${Math.abs(offsetMs).toFixed(2)} ms ${offsetMs < 0 ? 'behind' : 'ahead of'} this machine`;
}
