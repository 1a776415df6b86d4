/** Cuts a byte stream into deliveries of one length and notes, for each, how long ago it should have been sent. */
class Latencies {
  count = 0;
  /** When the newest one was due. */
  newest = 0;
  #carry;
  #carried = 0;

  constructor({ length, number }, capacity) {
    this.length = length;
    this.number = number;
    this.values = new Float64Array(capacity);
    this.#carry = Buffer.alloc(length);
  }

  take(buffer, end) {
    const now = performance.now();
    let at = 0;
    if (this.#carried > 0) {
      at = Math.min(this.length - this.#carried, end);
      buffer.copy(this.#carry, this.#carried, 0, at);
      this.#carried += at;
      if (this.#carried < this.length) return;
      this.#note(now, this.#carry.readDoubleBE(this.number));
      this.#carried = 0;
    }
    for (; at + this.length <= end; at += this.length) this.#note(now, buffer.readDoubleBE(at + this.number));
    if (at < end) {
      buffer.copy(this.#carry, 0, at, end);
      this.#carried = end - at;
    }
  }

  #note(now, due) {
    if (this.count < this.values.length) this.values[this.count] = now - due;
    this.newest = due;
    this.count++;
  }

  /** Sorted, without the first tenth. */
  settled() {
    return this.values.slice(Math.floor(this.count / 10), this.count).sort();
  }
}

/**
 * Publishes on a fixed schedule, whatever the server does, and measures each delivery from the time it was due:
 * a server that stalls makes everything behind the stall late, as it would for real senders.
 * Gives all readers' latencies in milliseconds, sorted. Throws unless every delivery arrived; with `mayDrop`, for
 * servers that may thin a stream out, unless the newest did.
 */
export function openLoop({ publisher, readers, protocol, address, perSecond, ms, size = 0, mayDrop = false }) {
  const total = Math.round((perSecond * ms) / 1000);
  const period = 1000 / perSecond;
  const taken = readers.map((reader) => {
    const latencies = new Latencies(protocol.delivery(address, size), total);
    reader.take = (buffer, end) => latencies.take(buffer, end);
    return latencies;
  });
  const message = protocol.stamp(address, size);
  const began = performance.now() + 5;
  const last = began + (total - 1) * period;
  const late = ({ count, newest }) => (mayDrop ? newest < last : count < total);
  let sent = 0;

  return new Promise((resolve, reject) => {
    const finish = () => {
      for (const reader of readers) reader.take = null;
      const failure = readers.find((reader) => reader.failure)?.failure;
      const short = taken.find(late);
      if (failure) reject(failure);
      else if (short) reject(new Error(`${short.count} of ${total} deliveries arrived`));
      else resolve(taken.map((latencies) => latencies.settled()));
    };
    // Spinning keeps the schedule to some microseconds, where a timer would keep it to a millisecond.
    const spin = () => {
      const now = performance.now();
      for (let due = began + sent * period; sent < total && due <= now; due = began + sent * period) {
        publisher.write(message(due));
        sent++;
      }
      const waiting = sent < total || taken.some(late);
      if (waiting && now < began + ms + 5000) setImmediate(spin);
      else finish();
    };
    spin();
  });
}
