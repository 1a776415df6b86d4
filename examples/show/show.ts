// In a program of your own: 'clasp-rx' and 'clasp-rx/testing'.
import type { SchedulerLike } from 'rxjs';
import type { Client, Signal } from '../../index.ts';
import { dmxFixture, faderBank } from '../../testing/index.ts';

/** Where a show plays: in virtual time or in a real venue. */
export interface Venue {
  /** Clock and timer. */
  readonly time: SchedulerLike;
  /** A participant. */
  client(name: string): Client;
  /** Breaks the connection of a participant, who comes back after so many milliseconds. */
  cut(name: string, milliseconds: number): void;
}

/** What is left of a show when it is over. */
export interface Outcome {
  /** Where the operator's fader ended. */
  readonly fader: number;
  /** Whether the look of the cue came as a whole, and not before its time. */
  readonly cue: { readonly together: boolean; readonly early: boolean; readonly values: readonly unknown[] };
  /** Whether the fade only ever rose, and where it ended. */
  readonly fade: { readonly rising: boolean; readonly end: unknown };
  /** Phases of the touch, moves in a row as one. */
  readonly touch: string;
  /** What the light showed in the end. */
  readonly light: string;
  /** What the tablet believes that dropped out and came back, and what is so. */
  readonly tablet: Readonly<Record<string, unknown>>;
  readonly truth: Readonly<Record<string, unknown>>;
}

const LOOK = { '/artnet/0/2': 255, '/artnet/0/3': 80, '/artnet/0/4': 10 } as const;

/** Plays a show of so many milliseconds; what came of it can be asked when they have passed. */
export function playShow({ time, client, cut }: Venue, length: number): () => Outcome {
  const at = (share: number, work: () => void) => time.schedule(work, share * length);
  const desk = client('desk');
  const stage = client('stage');
  const light = dmxFixture(client('light'), { scheduler: time });
  const faders = faderBank(client('faders'), { scheduler: time });

  const heard: { readonly signal: Signal; readonly at: number }[] = [];
  stage.on('/**').subscribe((signal) => heard.push({ signal, at: stage.time() }));
  const tablet: Record<string, unknown> = {};
  client('tablet')
    .on('/**', { types: ['param'] })
    .subscribe((signal) => believe(tablet, signal));

  // The operator brings fader 1 up, with a finger on it.
  at(0.05, () => faders.touch(1));
  at(0.06, () => faders.slide(1, 0.8, 0.1 * length));
  at(0.18, () => faders.release(1));

  // A cue is sent well ahead and applied as a whole, at its time.
  let cueAt = Number.POSITIVE_INFINITY;
  at(0.2, () => {
    cueAt = desk.time() + 0.1 * length * 1000;
    desk.bundle(
      [...Object.entries(LOOK).map(([address, level]) => ({ set: [address, level] as const })), { emit: ['/cue', 1] }],
      {
        at: cueAt,
      },
    );
  });

  // A fade that the relay plays.
  at(0.35, () =>
    desk.timeline('/artnet/0/1', [
      { time: 0, value: 0, easing: 'ease-in-out' },
      { time: 0.2 * length * 1000, value: 255 },
    ]),
  );

  // The tablet drops out; meanwhile one thing changes and another is taken away.
  at(0.1, () => desk.set('/scene/name', 'doors'));
  at(0.1, () => desk.set('/scene/note', 'wait for the band'));
  at(0.6, () => cut('tablet', 0.1 * length));
  at(0.65, () => desk.set('/scene/name', 'opening'));
  at(0.65, () => desk.set('/scene/note', null));

  return () => {
    const params = heard.filter(({ signal }) => signal.kind === 'param');
    const truth: Record<string, unknown> = {};
    for (const { signal } of params) believe(truth, signal);
    const looks = heard.flatMap(({ signal }, index) =>
      signal.address in LOOK || signal.address === '/cue' ? [index] : [],
    );
    const levels = params.flatMap(({ signal }) =>
      signal.kind === 'param' && signal.address === '/artnet/0/1' ? [Number(signal.value)] : [],
    );
    const phases = heard.flatMap(({ signal }) => (signal.kind === 'gesture' ? [signal.phase] : []));
    return {
      fader: faders.position(1),
      cue: {
        together: looks.every((index, n) => n === 0 || index === (looks[n - 1] ?? 0) + 1),
        // The stage knows the relay's time to within a network's way.
        early: looks.some((index) => (heard[index]?.at ?? 0) < cueAt - 2_000),
        values: looks.map((index) => valueIn(heard[index]?.signal)),
      },
      fade: { rising: levels.every((level, n) => n === 0 || level >= (levels[n - 1] ?? 0)), end: levels.at(-1) },
      touch: phases.filter((phase, n) => phase !== phases[n - 1]).join(' '),
      light: String(light),
      tablet,
      truth,
    };
  };
}

function believe(about: Record<string, unknown>, signal: Signal): void {
  if (signal.kind !== 'param') return;
  if (signal.value === null) delete about[signal.address];
  else about[signal.address] = signal.value;
}

const valueIn = (signal: Signal | undefined): unknown => (signal && 'value' in signal ? signal.value : undefined);
