import { EchoMemory } from '../../signal/echo-memory.ts';
import type { Signal } from '../../signal/signal.ts';
import type { Value } from '../../signal/value.ts';
import { sameValue } from '../../signal/value.ts';
import { RecentMap } from '../../transforms/recent-map.ts';

export interface MidiEchoesOptions {
  /** Milliseconds for which a value is not sent back to the device it came from. @defaultValue 1000 */
  readonly window?: number;
  /**
   * Whether events and samples come back too. A relay sends them to everybody but who sent them: they do so only where
   * the sink hears as another participant than the one that the source writes as.
   * @defaultValue true
   */
  readonly events?: boolean;
}

/** Addresses whose events are remembered, and events of one address. */
const MAX_ADDRESSES = 4_096;
const MAX_EVENTS = 64;
/** There is one device. */
const DEVICE = '';

interface Happened {
  readonly value: Value;
  readonly at: number;
}

/**
 * What one MIDI device has just said, so that it is not sent back to it: shared by its source, which tells, and its
 * sink, which asks. A param that comes back changed is no echo, and each event comes back once. Pure: time is an
 * argument, in milliseconds.
 */
export class MidiEchoes {
  readonly #window: number;
  readonly #withEvents: boolean;
  readonly #params: EchoMemory;
  readonly #events = new RecentMap<string, Happened[]>(MAX_ADDRESSES);

  constructor({ window = 1_000, events = true }: MidiEchoesOptions = {}) {
    this.#window = window;
    this.#withEvents = events;
    this.#params = new EchoMemory({ window });
  }

  /** Notes that the device sent `signal`. */
  heard(signal: Signal, now: number): void {
    if (!('value' in signal)) return;
    if (signal.kind === 'param') {
      this.#params.heard(DEVICE, signal.address, signal.value, now);
      return;
    }
    if (!this.#withEvents) return;
    const happened = this.#recent(signal.address, now);
    if (happened.length === MAX_EVENTS) happened.shift();
    happened.push({ value: signal.value, at: now });
    this.#events.set(signal.address, happened);
  }

  /** Whether `signal`, about to be sent to the device, is what it said itself; if not, it is being sent. */
  isEcho(signal: Signal, now: number): boolean {
    if (!('value' in signal)) return false;
    if (signal.kind === 'param') return this.#params.isEcho(DEVICE, signal.address, signal.value, now);
    const happened = this.#recent(signal.address, now);
    const index = happened.findIndex(({ value }) => sameValue(value, signal.value));
    if (index < 0) return false;
    happened.splice(index, 1);
    this.#events.set(signal.address, happened);
    return true;
  }

  #recent(address: string, now: number): Happened[] {
    return (this.#events.get(address) ?? []).filter(({ at }) => now - at <= this.#window);
  }
}
