import { Observable, type SchedulerLike, type Subscription } from 'rxjs';
import type { Datagram } from '../core/connection/datagram.ts';
import type { SacnDiscovery } from '../core/protocols/sacn/sacn.ts';
import { parseSacn, SacnCids } from '../core/protocols/sacn/sacn.ts';
import { monotonicScheduler } from '../core/time/monotonic-scheduler.ts';
import { RecentMap } from '../core/transforms/recent-map.ts';

/** A source of sACN, as far as it can be heard here. */
export interface SacnSender {
  /** Its CID in the form of a UUID. */
  readonly cid: string;
  /** Its address. */
  readonly ip: string;
  readonly name: string;
  /** What it says it sends, or was heard to send; rising. */
  readonly universes: readonly number[];
}

export interface SacnSendersOptions {
  /** Our own CID, which multicast brings back: it is not listed. @defaultValue none */
  readonly cid?: Uint8Array;
  /** Clock and timer. @defaultValue `monotonicScheduler` */
  readonly scheduler?: SchedulerLike;
}

/** Milliseconds after which a silent source is gone: two announcements are 10 s apart. */
const TIMEOUT = 22_000;
const SWEEP = 5_000;
/** More sources than this are not believed. */
const MOST = 1_024;
/** Pages on which all 63 999 universes have room. */
const MOST_PAGES = 125;
/** Sources whose pages are put together at one time. */
const MOST_LISTS = 128;

/**
 * The sources of sACN that can be heard, as a list: whenever one comes, announces something else or is gone. Those who
 * announce nothing are known by what they send.
 *
 * Cold; completes with the packets.
 *
 * @example
 * ```ts
 * const groups = [sacnGroup(1), sacnGroup(SACN_DISCOVERY_UNIVERSE)];
 * udpSocket({ listen: 5568, multicast: groups, interface: '127.0.0.1' }).subscribe((socket) => {
 *   sacnSenders(socket.incoming).subscribe((list) => console.log(list.map(({ name }) => name)));
 * });
 * ```
 */
export function sacnSenders(
  datagrams: Observable<Datagram>,
  { cid: own, scheduler = monotonicScheduler }: SacnSendersOptions = {},
): Observable<readonly SacnSender[]> {
  return new Observable((out) => {
    const cids = new SacnCids();
    const senders = new Map<string, { readonly sender: SacnSender; at: number }>();
    const lists = new RecentMap<string, PagedList>(MOST_LISTS);
    const ourselves = own && cids.name(own);
    let timer: Subscription | undefined;

    const list = () => [...senders.values()].map(({ sender }) => sender);
    const sweep = () => {
      timer = undefined;
      const before = senders.size;
      for (const [cid, { at }] of senders) if (scheduler.now() - at >= TIMEOUT) senders.delete(cid);
      if (senders.size > 0) timer = scheduler.schedule(sweep, SWEEP);
      if (senders.size < before) out.next(list());
    };
    const heard = (cid: string, from: string, name: string, universes: readonly number[]) => {
      const known = senders.get(cid)?.sender;
      if (known === undefined && senders.size >= MOST) return;
      const ip = from.slice(0, from.lastIndexOf(':'));
      const isSame = known?.name === name && known.ip === ip && known.universes.join() === universes.join();
      senders.set(cid, { sender: isSame ? known : { cid, ip, name, universes }, at: scheduler.now() });
      timer ??= scheduler.schedule(sweep, SWEEP);
      if (!isSame) out.next(list());
    };

    const announced = (cid: string, from: string, page: SacnDiscovery) => {
      if (page.lastPage >= MOST_PAGES || page.page > page.lastPage) return;
      let list = lists.get(cid);
      if (list === undefined || list.length !== page.lastPage + 1) {
        list = { length: page.lastPage + 1, pages: new Map() };
        lists.set(cid, list);
      }
      list.pages.set(page.page, page.universes);
      if (list.pages.size < list.length) return;
      lists.delete(cid);
      const universes = [...list.pages.values()].flat().sort((a, b) => a - b);
      heard(cid, from, page.sourceName, universes);
    };

    out.add(() => timer?.unsubscribe());
    out.add(
      datagrams.subscribe({
        next({ bytes, from }) {
          if (bytes.length < 44) return;
          const cid = cids.name(bytes.subarray(22, 38));
          if (cid === ourselves) return;
          const known = senders.get(cid);
          const universe = ((bytes[113] as number) << 8) | (bytes[114] as number);
          if (bytes[21] === DATA && known?.sender.universes.includes(universe)) {
            known.at = scheduler.now();
            return;
          }
          const packet = parseSacn(bytes);
          if ('fault' in packet) return;
          if (packet.type === 'discovery') announced(cid, from, packet);
          else if (packet.type === 'data' && !packet.terminated) {
            const universes = [...(known?.sender.universes ?? []), packet.universe].sort((a, b) => a - b);
            heard(cid, from, packet.sourceName, universes);
          }
        },
        complete: () => out.complete(),
      }),
    );
  });
}

/** An announcement of which some pages have come. */
interface PagedList {
  readonly length: number;
  readonly pages: Map<number, readonly number[]>;
}

/** The last byte of the root vector of packets with levels. */
const DATA = 4;
