import type { Socket } from 'node:net';
import { BehaviorSubject, type Observer } from 'rxjs';
import { WebSocket } from 'ws';
import type { Connection } from '../../core/connection/connection.ts';
import { Emitter } from '../../core/connection/emitter.ts';
import { clientCloseCode, closeError, closeReason, serverCloseCode } from '../../core/connection/web-socket.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import type { RoundRobin } from '../../operators/round-robin.ts';
import { FastReceive } from './fast-receive.ts';
import { type GatheredMember, type GatheredWriter, Path } from './gathered-writer.ts';

/** What all connections of one listener or dial have in common. */
export interface PeerSettings {
  readonly writer: GatheredWriter;
  readonly server: boolean;
  /** Whose input is read when. Absent: this is the client's end, which reads as `ws` does. */
  readonly turns?: RoundRobin;
  readonly maxFrame: number;
  readonly highWater: number;
  readonly lowWater: number;
  /** Called once, with what the connection failed of, if it did. */
  readonly ended: (peer: WebSocketPeer, failure: ClaspError | undefined) => void;
}

/** What the request for a connection says of who asks. */
export type ArrivedPeer = NonNullable<Connection['arrival']>;

/**
 * A connection over a `ws` WebSocket and the socket below it. Frames go straight to that socket, gathered; `ws`
 * receives, pings and closes. Both write whole WebSocket messages only, so they cannot get into each other's way.
 */
export class WebSocketPeer implements Connection, Observer<Uint8Array>, GatheredMember {
  readonly id: string;
  readonly peer: string;
  readonly arrival: ArrivedPeer | undefined;
  readonly incoming: Emitter<Uint8Array> = new Emitter();
  readonly handsOver = true;
  reads = 0;
  readonly saturated: BehaviorSubject<boolean> = new BehaviorSubject(false);
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  readonly #settings: PeerSettings;
  /** What is to be written when this turn is over. */
  readonly #pending = new Path();
  #joined = false;
  /** Bytes that may be pending without a closer look; the rest of `highWater` was in the socket at the last write. */
  #room: number;
  #open = true;
  #failure: ClaspError | undefined;
  #written: (() => void) | undefined;
  #answers: (() => void)[] | undefined;

  constructor(id: string, webSocket: WebSocket, socket: Socket, settings: PeerSettings, arrival?: ArrivedPeer) {
    this.id = id;
    this.arrival = arrival;
    this.peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#settings = settings;
    this.#room = settings.highWater;
    socket.setNoDelay(true);
    // A text message is handed over as its bytes: they are no frame, and whoever decodes them says so to the peer.
    // As a Uint8Array, because `slice` of a Buffer does not copy.
    webSocket.on('message', (data) => {
      if (!this.#open) return;
      this.reads++;
      const { buffer, byteOffset, length } = data as Buffer;
      this.incoming.next(new Uint8Array(buffer, byteOffset, length));
    });
    const { turns, maxFrame } = settings;
    const received =
      turns &&
      new FastReceive(
        socket,
        maxFrame,
        turns,
        (bytes) => {
          if (this.#open) this.incoming.next(bytes);
        },
        () => {
          this.reads++;
        },
      );
    webSocket.on('error', (cause) => this.#fail(cause));
    webSocket.on('close', (code, reason) => {
      const closed = () => this.#closed(code, reason.toString());
      if (received) received.afterwards(closed);
      else closed();
    });
  }

  get outgoing(): Observer<Uint8Array> {
    return this;
  }

  next(frame: Uint8Array): void {
    if (!this.#open) return;
    const { writer } = this.#settings;
    const pending = this.#pending;
    writer.add(pending, frame);
    if (!this.#joined) {
      this.#joined = true;
      writer.join(this);
    }
    if (pending.bytes > this.#room) this.#measure();
  }

  error(cause: unknown): void {
    const error = ClaspError.from(cause, ErrorCode.Internal);
    this.close(this.#settings.server ? serverCloseCode(error) : clientCloseCode(error.code), closeReason(error));
  }

  complete(): void {
    this.close(1000, '');
  }

  /** Sends what is pending, then closes; `ws` cuts the connection when the peer does not answer in time. */
  close(code: number, reason: string): void {
    if (!this.#open) return;
    this.#write();
    this.#open = false;
    this.#webSocket.close(code, reason);
  }

  ping(answered: () => void): void {
    if (!this.#answers) {
      this.#answers = [];
      this.#webSocket.on('pong', () => {
        for (const answer of this.#answers?.splice(0) ?? []) answer();
      });
    }
    this.#answers.push(answered);
    this.#webSocket.ping();
  }

  flush(): boolean {
    this.#joined = false;
    this.#write();
    return this.written;
  }

  get written(): boolean {
    // Nothing is read any more for a socket that is destroyed.
    return this.#socket.writableLength === 0 || this.#socket.destroyed;
  }

  #write(): void {
    const chunks = this.#settings.writer.chunksOf(this.#pending);
    this.#pending.clear();
    if (chunks.length === 0) return;
    // After the peer's close frame nothing may follow ours.
    if (this.#webSocket.readyState !== WebSocket.OPEN) return;
    const socket = this.#socket;
    const last = chunks.length - 1;
    if (last > 0) socket.cork();
    for (let i = 0; i < last; i++) socket.write(chunks[i] as Buffer);
    // Only a saturated connection needs to know when the bytes are gone.
    if (this.saturated.value) {
      this.#written ??= () => this.#measure();
      socket.write(chunks[last] as Buffer, this.#written);
    } else {
      socket.write(chunks[last] as Buffer);
    }
    if (last > 0) socket.uncork();
    this.#room = this.#settings.highWater - socket.writableLength;
  }

  #measure(): void {
    const { highWater, lowWater } = this.#settings;
    const inSocket = this.#socket.writableLength;
    const waiting = inSocket + this.#pending.bytes;
    this.#room = highWater - inSocket;
    if (this.saturated.value ? waiting > lowWater : waiting <= highWater) return;
    this.saturated.next(!this.saturated.value);
  }

  #fail(cause: Error & { readonly code?: string }): void {
    if (!this.#open) return;
    const tooLarge = cause.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
    const reason = tooLarge ? `frame over ${this.#settings.maxFrame} bytes` : cause.message;
    this.#failure = new ClaspError(ErrorCode.BadFrame, reason, { cause });
    // `ws` has answered with its close frame already.
    this.#open = false;
    this.#pending.clear();
    this.incoming.error(this.#failure);
  }

  #closed(code: number, reason: string): void {
    const failure = this.#failure ?? (this.#open ? closeError(code, reason) : undefined);
    this.#open = false;
    this.#pending.clear();
    if (failure)
      this.incoming.error(failure); // ignored where it came before
    else this.incoming.complete();
    this.saturated.complete();
    this.#settings.ended(this, failure);
  }
}
