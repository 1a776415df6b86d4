import type { MidiMessage } from './midi.ts';
import { MidiClock } from './midi-clock.ts';
import { fullFrame, type MidiTimeCode, QuarterFrameReader, readFullFrame } from './midi-time-code.ts';

/** What one MIDI message says, or several together. */
export type MidiStatement =
  | MidiMessage
  /** Control 0–31 with the one 32 above it as its fine half; value 0–16383. */
  | {
      readonly type: 'control-change-14';
      readonly channel: number;
      readonly control: number;
      readonly value: number;
    }
  /** A parameter by its 14-bit number, registered or not; value 0–16383. */
  | { readonly type: 'nrpn' | 'rpn'; readonly channel: number; readonly parameter: number; readonly value: number }
  /** A quarter note by MIDI clock, counted from 0 at the start. */
  | { readonly type: 'beat'; readonly beat: number }
  /** Quarter notes a minute, measured. */
  | { readonly type: 'tempo'; readonly tempo: number }
  | { readonly type: 'time-code'; readonly time: MidiTimeCode };

export interface MidiAssemblerOptions {
  /** Which controls of 0–31 have a fine half 32 above them; `true` for all. @defaultValue none */
  readonly cc14?: readonly number[] | true | undefined;
  /** Whether controls 98–101, and 6, 38, 96 and 97 after them, set parameters. @defaultValue true */
  readonly nrpn?: boolean | undefined;
}

/** Index of the data entry pair (6 and 38), behind the 32 pairs of controls. */
const DATA_ENTRY = 32;
const NONE = -1;
/** Reset All Controllers: no parameter is selected after it (RP-015). */
const RESET_ALL = 121;
const MAX_14_BIT = 16_383;

/** Milliseconds within which the halves of one value come, one after the other. */
const TOGETHER = 3;

/** Which half of a pair a sender sends first, where that is known. */
const COARSE_FIRST = 1;
const FINE_FIRST = 2;

/** What is remembered of a channel. */
interface Channel {
  readonly number: number;
  /** Halves of each pair, the last that came. */
  readonly coarse: Uint8Array;
  readonly fine: Uint8Array;
  /** Whether a fine half of the pair has ever come. */
  readonly hasFine: Uint8Array;
  readonly order: Uint8Array;
  /** When a half last counted without the other one. */
  readonly aloneAt: Float64Array;
  /** The pair one half of which has come and whose other half is expected. */
  held: number;
  /** Whether that half is the fine one. */
  heldFine: boolean;
  /** Counts what was held before it. */
  heldAs: number;
  /** Whether a fine half came alone just before the coarse one that is held. */
  afterFine: boolean;
  /** The kind of parameter that was selected last. */
  kind: 'nrpn' | 'rpn';
  readonly nrpn: [coarse: number, fine: number];
  readonly rpn: [coarse: number, fine: number];
  /** Value of the parameter that was set last, where known, and which it was. */
  data: number;
  dataOf: number;
}

/**
 * Puts together what several MIDI messages say: 14-bit controls, parameters, beats and tempo from clocks, time code.
 * All else passes as it is; clocks and quarter frames do not. Pure: time is an argument, in milliseconds.
 *
 * The coarse half of a pair counts at once, with a fine half of 0, as MIDI 1.0 has it, until a fine half has come
 * once. From then on a half waits for the other, whichever the sender sends first, so that a fader does not jump: up
 * to the next message of the channel, or until {@link flush}. Where the coarse half comes first, a fine half that
 * comes alone counts at once.
 */
export class MidiAssembler {
  readonly #out: (statement: MidiStatement) => void;
  readonly #isPair: readonly boolean[];
  readonly #parameters: boolean;
  readonly #channels: Channel[] = [];
  readonly #clock = new MidiClock();
  readonly #quarters = new QuarterFrameReader();
  #held = 0;
  #holds = 0;

  constructor(out: (statement: MidiStatement) => void, { cc14 = [], nrpn = true }: MidiAssemblerOptions = {}) {
    this.#out = out;
    this.#isPair = Array.from({ length: 32 }, (_, control) => cc14 === true || cc14.includes(control));
    this.#parameters = nrpn;
  }

  /** Whether something waits for its other half: then `flush` a few milliseconds later. */
  get waits(): boolean {
    return this.#held > 0;
  }

  /** How often something has begun to wait. */
  get holds(): number {
    return this.#holds;
  }

  /** Lets what waits for its other half count without: all, or what was among the first `holds` that began to wait. */
  flush(holds: number = Number.POSITIVE_INFINITY): void {
    if (this.#held === 0) return;
    for (const channel of this.#channels)
      if (channel && channel.held !== NONE && channel.heldAs <= holds) this.#release(channel);
  }

  /** Takes one message that came at `now`, milliseconds of any clock. */
  take(message: MidiMessage, now: number): void {
    switch (message.type) {
      case 'control-change':
        this.#control(message, this.#channel(message.channel), now);
        return;
      case 'clock':
        this.#clockAt(now);
        return;
      case 'quarter-frame':
        this.#timeCode(this.#quarters.take(message.piece, message.nibble));
        return;
      case 'sysex': {
        const time = readFullFrame(message.bytes);
        if (time) this.#timeCode(time);
        else this.#out(message);
        return;
      }
      case 'start':
        this.#clock.start();
        break;
      case 'continue':
        this.#clock.continue();
        break;
      case 'stop':
        this.#clock.stop();
        break;
      case 'song-position':
        this.#clock.locate(message.position);
        break;
      default:
        if ('channel' in message) this.#release(this.#channel(message.channel));
    }
    this.#out(message);
  }

  #channel(number: number): Channel {
    let channel = this.#channels[number];
    if (channel === undefined) {
      channel = {
        number,
        coarse: new Uint8Array(DATA_ENTRY + 1),
        fine: new Uint8Array(DATA_ENTRY + 1),
        hasFine: new Uint8Array(DATA_ENTRY + 1),
        order: new Uint8Array(DATA_ENTRY + 1),
        aloneAt: new Float64Array(DATA_ENTRY + 1).fill(Number.NEGATIVE_INFINITY),
        held: NONE,
        heldFine: false,
        heldAs: 0,
        afterFine: false,
        kind: 'rpn',
        nrpn: [NONE, NONE],
        rpn: [NONE, NONE],
        data: NONE,
        dataOf: NONE,
      };
      this.#channels[number] = channel;
    }
    return channel;
  }

  #control(message: Extract<MidiMessage, { type: 'control-change' }>, channel: Channel, now: number): void {
    const { control, value } = message;
    const parameter = this.#parameters && control >= 96 && control <= 101;
    // An increment counts on from what waits.
    if (parameter || control === RESET_ALL) this.#release(channel);
    if (parameter && control >= 98) {
      select(channel, control, value);
      return;
    }
    if (control === RESET_ALL) unselect(channel);
    const selected = this.#parameters && isSelected(channel);
    if (parameter && selected && channel.data !== NONE) {
      const data = Math.min(MAX_14_BIT, Math.max(0, channel.data + (control === 96 ? 1 : -1)));
      this.#pair(channel, DATA_ENTRY, data);
      return;
    }
    const isFine = control >= 32 && control < 64;
    const low = isFine ? control - 32 : control;
    const pair = selected && low === 6 ? DATA_ENTRY : low;
    if (control >= 64 || (pair !== DATA_ENTRY && !this.#isPair[pair])) {
      this.#release(channel);
      this.#out(message);
    } else if (isFine) {
      this.#fine(channel, pair, value, now);
    } else {
      this.#coarse(channel, pair, value, now);
    }
  }

  #coarse(channel: Channel, pair: number, value: number, now: number): void {
    const completes = channel.held === pair && channel.heldFine;
    if (completes) this.#letGo(channel);
    else this.#release(channel);
    channel.coarse[pair] = value;
    if (completes) {
      channel.order[pair] = FINE_FIRST;
      this.#pair(channel, pair, (value << 7) | (channel.fine[pair] as number));
    } else if (channel.hasFine[pair]) {
      channel.afterFine = now - (channel.aloneAt[pair] as number) <= TOGETHER;
      this.#hold(channel, pair, false);
    } else {
      channel.aloneAt[pair] = now;
      this.#pair(channel, pair, value << 7);
    }
  }

  #fine(channel: Channel, pair: number, value: number, now: number): void {
    const completes = channel.held === pair && !channel.heldFine;
    if (completes) this.#letGo(channel);
    else this.#release(channel);
    // The first coarse half of all has not waited.
    const follows = !channel.hasFine[pair] && now - (channel.aloneAt[pair] as number) <= TOGETHER;
    channel.hasFine[pair] = 1;
    channel.fine[pair] = value;
    if (completes || follows) channel.order[pair] = COARSE_FIRST;
    if (channel.order[pair] !== COARSE_FIRST) {
      this.#hold(channel, pair, true);
      return;
    }
    channel.aloneAt[pair] = completes || follows ? Number.NEGATIVE_INFINITY : now;
    this.#pair(channel, pair, ((channel.coarse[pair] as number) << 7) | value);
  }

  #hold(channel: Channel, pair: number, fine: boolean): void {
    channel.held = pair;
    channel.heldFine = fine;
    channel.heldAs = ++this.#holds;
    this.#held++;
  }

  #letGo(channel: Channel): void {
    channel.held = NONE;
    this.#held--;
  }

  /** The other half does not come. */
  #release(channel: Channel): void {
    const pair = channel.held;
    if (pair === NONE) return;
    this.#letGo(channel);
    // What was taken for a fine half alone was the first half of this value.
    if (!channel.heldFine && channel.afterFine) channel.order[pair] = FINE_FIRST;
    // A coarse half means a fine half of 0, but for a sender that sends that before.
    if (!channel.heldFine && channel.order[pair] !== FINE_FIRST) channel.fine[pair] = 0;
    this.#pair(channel, pair, ((channel.coarse[pair] as number) << 7) | (channel.fine[pair] as number));
  }

  #pair(channel: Channel, pair: number, value: number): void {
    const { number } = channel;
    if (pair !== DATA_ENTRY) {
      this.#out({ type: 'control-change-14', channel: number, control: pair, value });
      return;
    }
    channel.data = value;
    channel.coarse[DATA_ENTRY] = value >> 7;
    channel.fine[DATA_ENTRY] = value & 127;
    const parameter = selectedOf(channel);
    if (parameter !== undefined) this.#out({ type: channel.kind, channel: number, parameter, value });
  }

  #clockAt(now: number): void {
    const tempo = this.#clock.tempo(now);
    if (tempo !== undefined) this.#out({ type: 'tempo', tempo });
    const beat = this.#clock.beat();
    if (beat !== undefined) this.#out({ type: 'beat', beat });
  }

  #timeCode(time: MidiTimeCode | undefined): void {
    if (time) this.#out({ type: 'time-code', time });
  }
}

/** Controls 98–101: fine and coarse half of the number of an unregistered, then of a registered parameter. */
function select(channel: Channel, control: number, value: number): void {
  channel.kind = control < 100 ? 'nrpn' : 'rpn';
  channel[channel.kind][control % 2 === 0 ? 1 : 0] = value;
}

function unselect(channel: Channel): void {
  channel.nrpn.fill(NONE);
  channel.rpn.fill(NONE);
  forgetData(channel, NONE);
}

/** Whether a parameter is selected; of one that is another than before no value is known. */
function isSelected(channel: Channel): boolean {
  const parameter = selectedOf(channel);
  if (parameter === undefined) return false;
  const which = channel.kind === 'nrpn' ? parameter : MAX_14_BIT + 1 + parameter;
  if (which !== channel.dataOf) forgetData(channel, which);
  return true;
}

function forgetData(channel: Channel, dataOf: number): void {
  channel.dataOf = dataOf;
  channel.data = NONE;
  channel.coarse[DATA_ENTRY] = 0;
  channel.fine[DATA_ENTRY] = 0;
}

/** The selected parameter; undefined when none is, 127 and 127 being none. */
function selectedOf({ kind, nrpn, rpn }: Channel): number | undefined {
  const [coarse, fine] = kind === 'nrpn' ? nrpn : rpn;
  return coarse === NONE || fine === NONE || (coarse === 127 && fine === 127) ? undefined : (coarse << 7) | fine;
}

/**
 * The messages that say it: the inverse of {@link MidiAssembler}. A parameter is selected anew each time; a time is
 * one full frame; for beats and tempos there are none, a clock has to run. Throws a `ClaspError` 402 for a number that
 * is out of its range.
 *
 * @example
 * ```ts
 * spellMidi({ type: 'control-change-14', channel: 1, control: 7, value: 8193 }); // control 7 is 64, control 39 is 1
 * ```
 */
export function spellMidi(statement: MidiStatement): readonly MidiMessage[] {
  switch (statement.type) {
    case 'control-change-14': {
      const { channel, control, value } = statement;
      return controls(channel, [control, value >> 7], [control + 32, value & 127]);
    }
    case 'nrpn':
    case 'rpn': {
      const { type, channel, parameter, value } = statement;
      const [coarse, fine] = type === 'nrpn' ? [99, 98] : [101, 100];
      const number = [parameter >> 7, parameter & 127] as const;
      return controls(channel, [coarse, number[0]], [fine, number[1]], [6, value >> 7], [38, value & 127]);
    }
    case 'time-code':
      return [{ type: 'sysex', bytes: fullFrame(statement.time) }];
    case 'beat':
    case 'tempo':
      return [];
    default:
      return [statement];
  }
}

function controls(channel: number, ...pairs: readonly (readonly [control: number, value: number])[]): MidiMessage[] {
  return pairs.map(([control, value]) => ({ type: 'control-change', channel, control, value }));
}
