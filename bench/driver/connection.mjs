import net from 'node:net';

// All sockets read into one buffer: the callback runs before the next read, and nothing is allocated per read.
const chunk = Buffer.allocUnsafeSlow(512 * 1024);

/** A raw TCP connection that either counts bytes, or hands each chunk to `take`. */
export class Connection {
  /** Bytes received since counting began. */
  bytes = 0;
  /** Called with (buffer, length) for each chunk; the buffer is overwritten after the call. */
  take = null;
  /** Called after bytes were counted. */
  counted = null;
  closed = false;
  #waiting = null;
  #pending = [];

  constructor(port) {
    this.socket = net.connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer: chunk, callback: (length, buffer) => this.#read(length, buffer) },
    });
    this.socket.on('error', (error) => this.#end(error));
    this.socket.on('close', () => this.#end(new Error('the server closed the connection')));
  }

  write(bytes) {
    this.socket.write(bytes);
  }

  /** Gathers what arrives until `complete(bytes)` gives a number: how many of them belong to the answer. */
  answer(complete, limitMs = 15_000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const got = Buffer.concat(this.#pending).subarray(0, 120);
        this.#waiting = null;
        reject(new Error(`no complete answer within ${limitMs} ms; got ${JSON.stringify(got.toString('latin1'))}`));
      }, limitMs);
      this.#waiting = {
        complete,
        resolve: (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#settle();
    });
  }

  close() {
    this.closed = true;
    this.socket.destroy();
  }

  #read(length, buffer) {
    if (this.take !== null) {
      this.take(buffer, length);
    } else if (this.counted !== null) {
      this.bytes += length;
      this.counted();
    } else {
      this.#pending.push(Buffer.from(buffer.subarray(0, length)));
      this.#settle();
    }
    return true;
  }

  #settle() {
    if (this.#waiting === null || this.#pending.length === 0) return;
    const bytes = Buffer.concat(this.#pending);
    const used = this.#waiting.complete(bytes);
    this.#pending = used ? [bytes.subarray(used)] : [bytes];
    if (this.#pending[0].length === 0) this.#pending = [];
    if (!used) return;
    const { resolve } = this.#waiting;
    this.#waiting = null;
    resolve(bytes.subarray(0, used));
  }

  #end(error) {
    if (this.closed) return;
    this.closed = true;
    this.failure = error;
    this.#waiting?.reject(error);
    this.socket.destroy();
  }
}

/** Makes copies of `message` with another number at `at`. */
export const stamp = (message, at) => (number) => {
  const copy = Buffer.from(message);
  copy.writeDoubleBE(number, at);
  return copy;
};
