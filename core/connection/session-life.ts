/** What decides how long a session may live. All times in microseconds, one clock. */
export interface SessionLife {
  /** When the peer was last heard. */
  readonly activeAt: number;
  /** Silence after which it counts as gone; Infinity = never. */
  readonly maxIdle: number;
  /** Whether the transport can ask the peer if it is alive, and has not been asked since it was last heard. */
  readonly canPing: boolean;
  /** Since when it lags without a break. */
  readonly laggingSince: number | undefined;
  readonly maxLag: number;
  /** When its grant ends. */
  readonly expiresAt: number | undefined;
}

/** What to do with a session: nothing, ask whether it lives, or end it for one of three reasons. */
export type LifeVerdict = 'fine' | 'ping' | 'idle' | 'lagging' | 'expired';

/** What is to be done with a session now. */
export function judgeLife(life: SessionLife, now: number): LifeVerdict {
  if (life.expiresAt !== undefined && life.expiresAt <= now) return 'expired';
  if (life.laggingSince !== undefined && now - life.laggingSince >= life.maxLag) return 'lagging';
  const idle = now - life.activeAt;
  if (idle >= life.maxIdle) return 'idle';
  return life.canPing && idle >= life.maxIdle / 2 ? 'ping' : 'fine';
}

/** When {@link judgeLife} may next say something else than it does now; Infinity when never. */
export function nextJudgement(life: SessionLife): number {
  const silence = life.activeAt + (life.canPing ? life.maxIdle / 2 : life.maxIdle);
  const lag = life.laggingSince === undefined ? Number.POSITIVE_INFINITY : life.laggingSince + life.maxLag;
  return Math.min(silence, lag, life.expiresAt ?? Number.POSITIVE_INFINITY);
}
