import { Subscription } from 'rxjs';
import type { Scopes } from '../../core/address/scope.ts';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { MqttReason } from '../../core/protocols/mqtt/mqtt-packet.ts';
import type { Signal } from '../../core/signal/signal.ts';
import { type FilterSubscription, reasonOf } from './mqtt-subscriptions.ts';

/** A client that takes its turn at what comes for a shared subscription. */
export interface MqttSharer {
  readonly scopes: Scopes;
  /** Whether it is there; one that is not gets what nobody else can take. */
  readonly connected: boolean;
  /** Sends it a message. */
  share(signal: Signal, subscription: FilterSubscription): void;
}

interface Member {
  readonly sharer: MqttSharer;
  readonly subscription: FilterSubscription;
  readonly settle: (code: MqttReason) => void;
}

/** Those who share a name and a filter. */
interface Group {
  readonly members: Member[];
  listening: Subscription;
  /** Whose turn it is. */
  turn: number;
  /** What the relay thinks of it, once that is known. */
  answer: MqttReason | undefined;
}

const KINDS = ['param', 'event', 'stream'] as const;

/**
 * Shared subscriptions of MQTT clients: each message goes to one of those who share a filter, in turn, and only to one whose
 * scopes allow it. The relay knows nothing of it: it has one participant that hears for all of them.
 */
export class MqttShares {
  readonly #join: () => Client;
  readonly #groups = new Map<string, Group>();
  #client: Client | undefined;

  /** @param join - makes the participant, which must be allowed to read everything. */
  constructor(join: () => Client) {
    this.#join = join;
  }

  /** Adds a client to those who share `filter`, until the subscription ends; `settle` is called with the code it is granted. */
  join(filter: string, subscription: FilterSubscription, sharer: MqttSharer, settle: Member['settle']): Subscription {
    const { pattern, wish } = subscription;
    if (!sharer.scopes.overlaps('read', pattern)) {
      settle(MqttReason.NotAuthorized);
      return Subscription.EMPTY;
    }
    const group = this.#groups.get(filter) ?? this.#begin(filter, pattern.source);
    const member = { sharer, subscription, settle };
    group.members.push(member);
    if (group.answer !== undefined) settle(group.answer || wish.qos);
    return new Subscription(() => this.#leave(filter, group, member));
  }

  #begin(filter: string, pattern: string): Group {
    this.#client ??= this.#join();
    const group: Group = { members: [], listening: Subscription.EMPTY, turn: 0, answer: undefined };
    const answered = (answer: MqttReason) => {
      group.answer = answer;
      for (const { settle, subscription } of group.members) settle(answer || subscription.wish.qos);
    };
    this.#groups.set(filter, group);
    const heard = this.#client.on(pattern, { types: KINDS, synced: () => answered(MqttReason.Success) });
    group.listening = heard.subscribe({
      next: (signal) => this.#heard(group, signal),
      error: (cause) => {
        this.#groups.delete(filter);
        answered(reasonOf(ClaspError.from(cause, ErrorCode.Internal)));
      },
    });
    return group;
  }

  #leave(filter: string, group: Group, member: Member): void {
    const { members, turn } = group;
    const index = members.indexOf(member);
    members.splice(index, 1);
    if (index < turn) group.turn--;
    if (members.length > 0) return;
    group.listening.unsubscribe();
    if (this.#groups.get(filter) === group) this.#groups.delete(filter);
    if (this.#groups.size > 0) return;
    this.#client?.close();
    this.#client = undefined;
  }

  #heard(group: Group, signal: Signal): void {
    // What is retained is for those who subscribe for themselves.
    if (signal.kind === 'param' && signal.snapshot) return;
    const { members } = group;
    let index = -1;
    for (let step = 0; step < members.length; step++) {
      const at = (group.turn + step) % members.length;
      const sharer = members[at]?.sharer;
      if (!sharer?.scopes.allows('read', signal.address)) continue;
      if (sharer.connected) {
        index = at;
        break;
      }
      if (index < 0) index = at;
    }
    const member = members[index];
    if (!member) return;
    group.turn = index + 1;
    member.sharer.share(signal, member.subscription);
  }
}
