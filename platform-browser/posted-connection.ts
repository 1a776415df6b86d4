import { BehaviorSubject, type Observable, type Observer, type SchedulerLike, Subject, type Subscription } from 'rxjs';
import type { Connection } from '../core/connection/connection.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import type { RoundRobin } from '../operators/round-robin.ts';
import { InputQueue } from '../operators/round-robin.ts';

/** What has `postMessage` and `message` events on both ends: a MessagePort or a BroadcastChannel. */
export interface PostChannel {
  postMessage(message: Posted): void;
  close(): void;
}

/** Marks the messages that are ours, on a channel that others may use too. */
const PROTOCOL = 'clasp-rx';

/**
 * What two ends say to each other. `connect`, `accept` and `open` belong to the handshakes; `mark` asks for `reached`
 * once everything posted before it has been read; `ping` asks for any sign of life; code 0 is a clean close.
 */
export type PostedBody =
  | { readonly kind: 'connect' | 'accept'; readonly id: string; readonly channel?: string }
  | { readonly kind: 'open' | 'ping' | 'pong' }
  | { readonly kind: 'frames'; readonly frames: readonly Uint8Array[] }
  | { readonly kind: 'mark' | 'reached'; readonly at: number }
  | { readonly kind: 'close'; readonly code: number; readonly reason: string };

export type Posted = PostedBody & { readonly protocol: typeof PROTOCOL };

export function posted(body: PostedBody): Posted {
  return { protocol: PROTOCOL, ...body };
}

/** The message, if it is one of ours. */
export function asPosted(data: unknown): Posted | undefined {
  const isOurs = typeof data === 'object' && data !== null && 'protocol' in data && data.protocol === PROTOCOL;
  return isOurs ? (data as Posted) : undefined;
}

export interface PostedOptions {
  /** The largest frame the peer may send, in bytes. A larger one ends the connection. @defaultValue 65 547: the protocol's largest */
  readonly maxFrame?: number;
  /** The connection is saturated while the peer has more than this many bytes left to read. @defaultValue 1 MiB */
  readonly highWater?: number;
  /** It is relieved when no more than this many are left. @defaultValue 256 KiB */
  readonly lowWater?: number;
  /** Milliseconds of silence after which the peer counts as gone, 0 to wait for ever. */
  readonly heartbeat?: number;
  /** Timer of the heartbeat. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
  /** Shares the time for reading among connections. @defaultValue those of a listener share theirs, any other is read at once */
  readonly turns?: RoundRobin;
  /** Called once, after `incoming` has ended, with what the connection failed of, if it did. */
  readonly ended?: (failure: ClaspError | undefined) => void;
}

/** The heartbeat looks this often within its time. */
const LOOKS = 5;

/**
 * A connection over a channel that clones what is posted. Frames sent in one task are posted together. No such channel
 * says how much waits at the other end, so the sender posts marks, and counts what the peer has not reached. Frames of
 * a peer that sends very many wait for their turn; marks and the end wait behind them.
 */
export class PostedConnection implements Connection, Observer<Uint8Array> {
  readonly id: string;
  readonly peer: string;
  readonly incoming: Observable<Uint8Array>;
  readonly saturated: BehaviorSubject<boolean> = new BehaviorSubject(false);
  readonly #incoming = new Subject<Uint8Array>();
  readonly #channel: PostChannel;
  readonly #maxFrame: number;
  readonly #highWater: number;
  readonly #lowWater: number;
  readonly #ended: PostedOptions['ended'];
  readonly #beat: Subscription | undefined;
  readonly #queue: InputQueue<unknown> | undefined;
  #open = true;
  #pending: Uint8Array[] = [];
  /** Positions in the stream of bytes sent: handed over, marked last, reached by the peer. */
  #sent = 0;
  #marked = 0;
  #reached = 0;
  #heard = true;
  #silentLooks = 0;

  constructor(id: string, peer: string, channel: PostChannel, options: PostedOptions) {
    const { maxFrame = 65_547, highWater = 1_048_576, lowWater = 262_144, heartbeat = 0 } = options;
    const { scheduler = monotonicScheduler, turns, ended } = options;
    this.id = id;
    this.peer = peer;
    this.incoming = this.#incoming;
    this.#channel = channel;
    this.#maxFrame = maxFrame;
    this.#highWater = highWater;
    this.#lowWater = lowWater;
    this.#ended = ended;
    if (turns) {
      const size = (item: unknown) => (item instanceof Uint8Array ? item.length : 0);
      this.#queue = new InputQueue({ turns, size, take: (item) => this.#take(item) });
    }
    if (heartbeat > 0) this.#beat = this.#beatEvery(heartbeat / LOOKS, heartbeat, scheduler);
  }

  get outgoing(): Observer<Uint8Array> {
    return this;
  }

  next(frame: Uint8Array): void {
    if (!this.#open) return;
    // Cloning a view clones all of its buffer, which may be a pool.
    const whole = frame.byteLength === frame.buffer.byteLength;
    if (this.#pending.push(whole ? frame : frame.slice()) === 1) queueMicrotask(() => this.#flush());
    this.#sent += frame.length;
    if (this.#sent - this.#reached > this.#highWater && !this.saturated.value) {
      this.saturated.next(true);
      this.#mark();
    }
  }

  error(cause: unknown): void {
    const { code, reason } = ClaspError.from(cause, ErrorCode.Internal);
    this.#close(code, reason, undefined);
  }

  complete(): void {
    this.#close(0, '', undefined);
  }

  /** Tells the peer that this end goes away, and fails as a lost connection does. */
  abandon(reason: string): void {
    this.#close(0, '', new ClaspError(ErrorCode.Timeout, reason));
  }

  /** Fails without a word to the peer: it is gone. What it had sent is handed over before. */
  lose(reason: string): void {
    const end = () => this.#end(new ClaspError(ErrorCode.Timeout, reason));
    if (this.#queue) this.#queue.afterwards(end);
    else end();
  }

  /** Takes what arrived on the channel. */
  receive(message: Posted): void {
    if (!this.#open) return;
    this.#heard = true;
    switch (message.kind) {
      case 'frames':
        // Whoever has the channel may post anything on it.
        this.#receiveAll(Array.isArray(message.frames) ? message.frames : [undefined]);
        break;
      case 'mark':
      case 'close':
        this.#receiveAll([message]);
        break;
      case 'reached':
        this.#reached = message.at;
        this.#measure();
        break;
      case 'ping':
        this.#post({ kind: 'pong' });
        break;
    }
  }

  #receiveAll(items: readonly unknown[]): void {
    if (this.#queue) this.#queue.addAll(items);
    else for (const item of items) this.#take(item);
  }

  #take(item: unknown): void {
    if (!this.#open) return;
    if (!(item instanceof Uint8Array)) this.#takeOther(asPosted(item));
    else if (item.length <= this.#maxFrame) this.#incoming.next(item);
    else this.#refuse(`frame of ${item.length} bytes, at most ${this.#maxFrame}`);
  }

  #takeOther(message: Posted | undefined): void {
    if (message?.kind === 'mark') this.#post({ kind: 'reached', at: message.at });
    else if (message?.kind !== 'close') this.#refuse('no frame');
    else this.#end(message.code === 0 ? undefined : new ClaspError(Number(message.code), String(message.reason)));
  }

  #refuse(what: string): void {
    const failure = new ClaspError(ErrorCode.BadFrame, what);
    this.#close(failure.code, failure.reason, failure);
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const frames = this.#pending;
    this.#pending = [];
    this.#post({ kind: 'frames', frames });
    if (this.#sent - this.#marked >= this.#lowWater) this.#mark();
  }

  #mark(): void {
    this.#flush();
    if (this.#marked === this.#sent) return;
    this.#marked = this.#sent;
    this.#post({ kind: 'mark', at: this.#sent });
  }

  #measure(): void {
    if (this.saturated.value && this.#sent - this.#reached <= this.#lowWater) this.saturated.next(false);
  }

  #post(body: PostedBody): void {
    if (!this.#open) return;
    try {
      this.#channel.postMessage(posted(body));
    } catch (cause) {
      this.#end(ClaspError.from(cause, ErrorCode.Internal)); // a frame over shared or detached memory
    }
  }

  #close(code: number, reason: string, failure: ClaspError | undefined): void {
    this.#flush();
    this.#post({ kind: 'close', code, reason });
    this.#end(failure);
  }

  #end(failure: ClaspError | undefined): void {
    if (!this.#open) return;
    this.#open = false;
    this.#pending = [];
    this.#queue?.clear();
    this.#beat?.unsubscribe();
    this.#channel.close();
    if (failure) this.#incoming.error(failure);
    else this.#incoming.complete();
    this.saturated.complete();
    this.#ended?.(failure);
  }

  // Looks are counted, not milliseconds: a hidden tab's timers are slowed down to one a minute, its messages are not.
  #beatEvery(interval: number, heartbeat: number, scheduler: SchedulerLike): Subscription {
    const connection = this;
    return scheduler.schedule(function look() {
      if (connection.#heard) connection.#silentLooks = 0;
      else if (++connection.#silentLooks >= LOOKS) connection.lose(`no sign of the peer for ${heartbeat} ms`);
      connection.#heard = false;
      connection.#post({ kind: 'ping' });
      if (connection.#open) this.schedule(undefined, interval);
    }, interval);
  }
}
