import { RoundRobin } from '../operators/round-robin.ts';

/**
 * The turns in which the peers of a page, or a thread, are read. A message to oneself ends a turn: timers of a hidden tab
 * may be a minute late, messages are not.
 */
export function postedTurns(): RoundRobin {
  let channel: MessageChannel | undefined;
  let next: (() => void) | undefined;
  const later = (work: () => void) => {
    next = work;
    channel ??= openChannel(() => next?.());
    channel.port2.postMessage(undefined);
  };
  return new RoundRobin({ now: () => performance.now(), later });
}

function openChannel(hear: () => void): MessageChannel {
  const channel = new MessageChannel();
  channel.port1.onmessage = hear;
  // In Node an open port keeps the process going.
  for (const port of [channel.port1, channel.port2])
    if ('unref' in port && typeof port.unref === 'function') port.unref();
  return channel;
}
