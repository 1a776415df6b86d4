/** Milliseconds until a request fails with 502: gets and queries from asking, the others from sending. */
export const TO_TELL = 5_000;
export const TO_CONFIRM = 10_000;
/**
 * Milliseconds for which anything but a write of QoS 1 may wait for a session: what comes later than that would
 * surprise, and of QoS 2 the relay remembers for 5 minutes only what it has applied.
 */
export const TO_WAIT = 290_000;
/** Milliseconds for which a late answer is still recognised, so that the next request does not take it for its own. */
export const LATE = 60_000;
