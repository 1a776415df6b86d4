/**
 * Publishes as fast as the slowest subscriber takes it, with at most `window` messages under way, and waits until the
 * last delivery has arrived. Gives deliveries a second over the whole of it; throws unless every byte came.
 *
 * @param publisher  connection that sends
 * @param subscribers  connections that each get every message
 * @param message  the bytes of one publish
 * @param size  the bytes of one delivery
 */
export function burst({ publisher, subscribers, message, size, window, batch, ms, limitMs = 20_000 }) {
  const bytes = Buffer.concat(Array.from({ length: batch }, () => message));
  const started = performance.now();
  const count = subscribers.length;
  let sent = 0;
  let awake = false;
  for (const subscriber of subscribers) subscriber.bytes = 0;

  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => finish(new Error(`not all ${sent} messages arrived in ${limitMs} ms`)), limitMs);

    const finish = (error) => {
      clearTimeout(limit);
      const elapsed = (performance.now() - started) / 1000;
      for (const subscriber of subscribers) {
        if (subscriber.failure) error ??= subscriber.failure;
        if (subscriber.bytes !== sent * size) {
          error ??= new Error(`${subscriber.bytes} bytes arrived where ${sent} messages of ${size} were sent`);
        }
        subscriber.counted = () => undefined;
      }
      if (error) reject(error);
      else resolve({ perSecond: (sent * count) / elapsed, sent, elapsed });
    };

    const pump = () => {
      awake = false;
      let least = Infinity;
      for (let i = 0; i < count; i++) if (subscribers[i].bytes < least) least = subscribers[i].bytes;
      if (performance.now() - started < ms) {
        while (sent + batch <= least / size + window) {
          publisher.write(bytes);
          sent += batch;
        }
      } else if (least >= sent * size) {
        finish();
      }
    };
    // Once a turn, however many of the subscribers were heard.
    const wake = () => {
      if (awake) return;
      awake = true;
      setImmediate(pump);
    };
    for (const subscriber of subscribers) subscriber.counted = wake;
    pump();
  });
}
