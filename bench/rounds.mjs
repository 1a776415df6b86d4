import { burst } from './driver/burst.mjs';
import { servers } from './servers.mjs';
import { summary } from './statistics.mjs';

/** Twenty-two characters, the length of a real address; every server gets it as its address, subject or topic. */
export const ADDRESS = '/bench/fader/channel/1';

/** A cell of the table for what could not be measured. */
const failed = (error) => ({ error: String(error?.message ?? error) });

/** Starts those of `names` that are installed, opens `count` subscribers of each and one publisher. */
export async function openRigs(names, count, address = ADDRESS) {
  const rigs = [];
  for (const name of names) {
    const { protocol, start, installed, echo } = servers[name];
    if (!installed()) {
      rigs.push({ name, failure: failed('not installed') });
      continue;
    }
    const rig = { name, protocol, subscribers: [] };
    rigs.push(rig);
    try {
      rig.server = await start();
      while (rig.subscribers.length < count) {
        const some = Math.min(100, count - rig.subscribers.length);
        const opened = Array.from({ length: some }, () => protocol.subscribe(rig.server.port, address));
        rig.subscribers.push(...(await Promise.all(opened)));
      }
      rig.publisher = echo ? rig.subscribers[0] : await protocol.open(rig.server.port);
    } catch (error) {
      rig.failure = failed(error);
    }
  }
  return rigs;
}

export async function closeRigs(rigs) {
  for (const { subscribers = [], publisher, server } of rigs) {
    for (const subscriber of subscribers) subscriber.close();
    publisher?.close();
    await server?.stop();
  }
}

/**
 * Runs `measure(rig)` for each rig in turn, `rounds` times over, so that a busy moment of the machine hits all of them.
 * Gives name → list of results; a rig that fails is asked no more and holds its error.
 */
export async function interleave(rigs, rounds, measure) {
  const results = {};
  for (let round = 0; round < rounds; round++) {
    for (const rig of rigs) {
      if (rig.failure) continue;
      try {
        const result = await measure(rig, round);
        results[rig.name] ??= [];
        results[rig.name].push(result);
      } catch (error) {
        rig.failure = failed(error);
      }
    }
  }
  for (const rig of rigs) if (rig.failure) results[rig.name] = rig.failure;
  return results;
}

/** Messages that may be under way, as the rows of a ladder try them. */
export const LADDER = [16, 64, 256, 1024, 4096, 8192];

/**
 * Bursts of every rig at every window of `ladder`: gives `[window, name → cell of deliveries a second]` for each. A rig
 * that would need more than two seconds to work a window off is not tried there.
 */
export async function climb(rigs, ladder, { rounds, ms, warmMs }) {
  await interleave(rigs, 1, (rig) => measureBurst(Object.assign(rig, { window: ladder[0] }), warmMs));
  const rungs = [];
  for (const window of ladder) {
    const here = rigs.filter(
      ({ failure, best = Infinity, subscribers }) => !failure && window * subscribers.length < best * 2,
    );
    for (const rig of here) rig.window = window;
    const results = await interleave(here, rounds, (rig) => measureBurst(rig, ms));
    const cells = {};
    for (const rig of here) {
      cells[rig.name] = cell(results[rig.name], ({ perSecond }) => perSecond);
      rig.best = cells[rig.name].median;
    }
    rungs.push({ window, cells, details: burstDetails(here, results) });
  }
  return rungs;
}

/** One number of each result, as a cell: median, min and max, or the error. */
export const cell = (results, pick) =>
  results === undefined || results.error ? (results ?? failed('not measured')) : summary(results.map(pick));

/** One burst of `rig` at its window, with the processor time that the server and this process took. */
export async function measureBurst(rig, ms) {
  const before = process.cpuUsage();
  const serverBefore = rig.server.cpu();
  const result = await burst({
    publisher: rig.publisher,
    subscribers: rig.subscribers,
    message: rig.protocol.publish(ADDRESS, 0.5),
    size: rig.protocol.delivery(ADDRESS).length,
    window: rig.window,
    batch: Math.max(1, rig.window >> 2),
    ms,
  });
  const { user, system } = process.cpuUsage(before);
  const driver = (user + system) / 1e6 / result.elapsed;
  return { ...result, driver, server: (rig.server.cpu() - serverBefore) / result.elapsed };
}

/**
 * Finds the window that suits the server best, as each has its own; also warms it up. A window is not tried when
 * the server would need more than half a second to work it off. The two best are tried again, since one look can mislead.
 */
export async function findWindow(rig, ladder, ms) {
  const tried = [];
  const attempt = async (window) => {
    rig.window = window;
    tried.push({ window, ...(await measureBurst(rig, ms)) });
    tried.sort((a, b) => b.perSecond - a.perSecond);
  };
  for (const window of ladder) {
    if (tried.length > 0 && window * rig.subscribers.length > tried[0].perSecond / 2) break;
    await attempt(window);
  }
  for (const { window } of tried.slice(0, 2)) await attempt(window);
  rig.window = tried[0].window;
}

/** What a table has no room for: the window, and the processor time of server and driver. */
export function burstDetails(rigs, results) {
  const details = {};
  for (const { name, window } of rigs) {
    const bursts = results[name];
    if (!Array.isArray(bursts)) continue;
    details[name] = {
      window,
      serverCores: cell(bursts, ({ server }) => server).median,
      driverCores: cell(bursts, ({ driver }) => driver).median,
      // Steadier than the rate itself where other programs want the processor too.
      perServerSecond: cell(bursts, ({ perSecond, server }) => perSecond / server).median,
    };
  }
  return details;
}
