import {
  asyncScheduler,
  BehaviorSubject,
  type Observable,
  type Observer,
  type SchedulerLike,
  Subject,
  type Subscription,
} from 'rxjs';
import type { Connection } from '../core/connection.ts';
import { ClaspError, ErrorCode } from '../core/errors.ts';

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
  /** Timer of the heartbeat. @defaultValue `asyncScheduler` */
  readonly scheduler?: SchedulerLike;
  /** Called once, after `incoming` has ended, with what the connection failed of, if it did. */
  readonly ended?: (failure: ClaspError | undefined) => void;
}

/** The heartbeat looks this often within its time. */
const LOOKS = 5;

/**
 * A connection over a channel that clones what is posted. Frames sent in one task are posted together. No such channel
 * says how much waits at the other end, so the sender posts marks, and counts what the peer has not reached.
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
    const { scheduler = asyncScheduler, ended } = options;
    this.id = id;
    this.peer = peer;
    this.incoming = this.#incoming;
    this.#channel = channel;
    this.#maxFrame = maxFrame;
    this.#highWater = highWater;
    this.#lowWater = lowWater;
    this.#ended = ended;
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

  /** Fails without a word to the peer: it is gone. */
  lose(reason: string): void {
    this.#end(new ClaspError(ErrorCode.Timeout, reason));
  }

  /** Takes what arrived on the channel. */
  receive(message: Posted): void {
    if (!this.#open) return;
    this.#heard = true;
    switch (message.kind) {
      case 'frames':
        this.#receiveFrames(message.frames);
        break;
      case 'mark':
        this.#post({ kind: 'reached', at: message.at });
        break;
      case 'reached':
        this.#reached = message.at;
        this.#measure();
        break;
      case 'ping':
        this.#post({ kind: 'pong' });
        break;
      case 'close':
        this.#end(message.code === 0 ? undefined : new ClaspError(Number(message.code), String(message.reason)));
        break;
    }
  }

  // Whoever has the channel may post anything on it.
  #receiveFrames(frames: unknown): void {
    for (const frame of Array.isArray(frames) ? frames : [undefined]) {
      if (!this.#open) return;
      if (frame instanceof Uint8Array && frame.length <= this.#maxFrame) {
        this.#incoming.next(frame);
        continue;
      }
      const what =
        frame instanceof Uint8Array ? `frame of ${frame.length} bytes, at most ${this.#maxFrame}` : 'no frame';
      const failure = new ClaspError(ErrorCode.BadFrame, what);
      this.#close(failure.code, failure.reason, failure);
    }
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
