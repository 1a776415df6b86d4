import { Observable, tap } from 'rxjs';
import type { Client } from '../core/client/client.ts';
import type { ClaspError } from '../core/errors.ts';
import type { Signal } from '../core/signal/signal.ts';
import type { Value } from '../core/signal/value.ts';
import type { ParamState } from '../core/wire/message.ts';
import { decodeAnyFrame } from '../core/wire/message-pack.ts';
import type { RouterEvent } from '../operators/router/router-event.ts';
import { shown } from './diagram.ts';
import type { VirtualTime } from './virtual-time.ts';

/** One thing that happened in a simulation. `at` is in microseconds since it began. */
export type LogEntry = { readonly at: number } & (
  | {
      readonly type: 'frame';
      /** What became of it; over a network that takes no time it is only `sent`. */
      readonly what: 'sent' | 'arrived' | 'lost';
      readonly from: string;
      readonly to: string;
      readonly bytes: Uint8Array;
    }
  | { readonly type: 'cut'; readonly from: string; readonly to: string; readonly reason: ClaspError }
  | { readonly type: 'heard'; readonly who: string; readonly signal: Signal }
  /** A callback of `on` was called: it is not told what kind of signal it hears. */
  | {
      readonly type: 'called-back';
      readonly who: string;
      readonly address: string;
      readonly value: Value;
      readonly meta?: ParamState | undefined;
    }
  | { readonly type: 'called'; readonly who: string; readonly method: string; readonly given: readonly unknown[] }
  | { readonly type: 'relay'; readonly who: string; readonly event: RouterEvent }
  | { readonly type: 'note'; readonly who: string; readonly text: string }
);

type Happening = LogEntry extends infer Entry ? (Entry extends LogEntry ? Omit<Entry, 'at'> : never) : never;

/** Gathers what happens, with its microsecond. */
export class SimulationLog {
  readonly entries: LogEntry[] = [];
  readonly #time: VirtualTime;
  readonly #start: number;

  constructor(time: VirtualTime) {
    this.#time = time;
    this.#start = time.micros;
  }

  add(happening: Happening): void {
    this.entries.push({ at: this.#time.micros - this.#start, ...happening } as LogEntry);
  }

  /** The same client; what it is asked to do and what it hears is logged. */
  listenTo(client: Client, who: string): Client {
    return new Proxy(client, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        if (property === 'on') return this.#listening(target, who);
        return (...given: unknown[]) => {
          if (CHANGES.has(property)) this.add({ type: 'called', who, method: String(property), given });
          return Reflect.apply(member, target, given);
        };
      },
    });
  }

  #listening(client: Client, who: string): (...given: Parameters<Client['on']>) => unknown {
    const heard = tap<Signal>((signal) => this.add({ type: 'heard', who, signal }));
    return (pattern, how, options) => {
      const signals = client.on(pattern, typeof how === 'function' ? options : how);
      // Each subscription in its own right, as with the client itself.
      if (typeof how !== 'function') return new Observable((out) => signals.pipe(heard).subscribe(out));
      return client.on(
        pattern,
        (value, address, meta) => {
          this.add({ type: 'called-back', who, address, value, meta });
          how(value, address, meta);
        },
        options,
      );
    };
  }
}

const CHANGES: ReadonlySet<string | symbol> = new Set([
  ...['set', 'emit', 'stream', 'gesture', 'timeline', 'bundle', 'announce', 'close'],
]);

/**
 * A log as text, one line for each entry: seconds with their microseconds, who, and what.
 *
 * @example
 * ```ts
 * const { log } = simulate((world) => void world.router().client('desk').set('/a', 1), { seed: 1, until: 10 });
 * console.log(logText(log)); // 0.000000 desk set "/a" 1 …
 * ```
 */
export function logText(log: readonly LogEntry[]): string {
  return log.map((entry) => `${(entry.at / 1e6).toFixed(6)} ${inWords(entry)}`).join('\n');
}

function inWords(entry: LogEntry): string {
  switch (entry.type) {
    case 'frame':
      return `${entry.from} → ${entry.to} ${entry.what} ${frameInWords(entry.bytes)}`;
    case 'cut':
      return `${entry.from} – ${entry.to} cut: ${entry.reason.reason}`;
    case 'heard': {
      const { kind, address, ...rest } = entry.signal;
      return `${entry.who} heard ${kind} ${address} ${shown(rest)}`;
    }
    case 'called-back':
      return `${entry.who} heard ${entry.meta ? 'param ' : ''}${entry.address} ${shown({ value: entry.value })}`;
    case 'called':
      return `${entry.who} ${entry.method} ${entry.given.map(shown).join(' ')}`.trim();
    case 'relay': {
      const { event } = entry;
      const reason = event.type === 'refused' ? event.error : 'reason' in event ? event.reason : undefined;
      return `${entry.who} ${event.type} ${event.session.name}${reason ? `: ${reason.message}` : ''}`;
    }
    case 'note':
      return `${entry.who} ${entry.text}`;
  }
}

function frameInWords(bytes: Uint8Array): string {
  try {
    const { type, ...rest } = decodeAnyFrame(bytes).message;
    const { address, ...others } = rest as { address?: string };
    return [type, address, shown(others)].filter((word) => word !== undefined && word !== '{}').join(' ');
  } catch {
    return `${bytes.length} bytes that are no message`;
  }
}
