import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matches } from '../../core/address/pattern.ts';
import type { MemoryConnection } from '../../core/connection/memory-pair.ts';
import type { Value } from '../../core/signal/value.ts';
import type { Message, QoS, SetMessage } from '../../core/wire/message.ts';
import { type SessionScript, sessionMessages, sessions } from '../../testing/session-arbitrary.ts';
import { virtualRelay } from '../../testing/virtual-relay.ts';
import type { WirePeer } from '../../testing/wire-peer.ts';

// What a relay does, said once more in the simplest way there is, and compared word by word.

interface NaiveParam {
  value: Value;
  revision: number;
  holder: string | undefined;
  /** How long it lives, and when it ends: milliseconds. */
  ttl?: { readonly lasts: number; readonly sliding: boolean; ends: number } | undefined;
}

class NaiveRouter {
  now = 0;
  readonly params = new Map<string, NaiveParam>();
  readonly sessions = new Map<string, { id: number; pattern: string }[]>();
  readonly told: [who: string, what: string][] = [];

  join(who: string): void {
    this.sessions.set(who, []);
    this.tell(who, 'WELCOME');
    this.tellParams(who, '/**', true);
  }

  leave(who: string): void {
    this.sessions.delete(who);
    for (const param of this.params.values()) if (param.holder === who) param.holder = undefined;
  }

  pass(milliseconds: number): void {
    this.now += milliseconds;
    for (const [address, param] of this.params) {
      if (param.ttl && param.ttl.ends <= this.now) this.write(address, param, null);
    }
  }

  send(who: string, message: Message, qos: QoS): void {
    const mine = this.sessions.get(who) ?? [];
    if (message.type === 'SET') {
      this.set(who, message, qos);
    } else if (message.type === 'PUBLISH') {
      const { address, signal, value } = message;
      for (const other of this.listeners(address)) if (other !== who) this.tell(other, `${signal} ${address} ${value}`);
      if (qos > 0) this.tell(who, `ACK ${address}`);
    } else if (message.type === 'GET') {
      const param = this.params.get(message.address);
      if (param?.ttl?.sliding) param.ttl.ends = this.now + param.ttl.lasts;
      this.tell(who, `SNAPSHOT ${message.address}=${param?.value ?? null}@${param?.revision ?? 0}`);
    } else if (message.type === 'SUBSCRIBE') {
      mine.push(message);
      this.tellParams(who, message.pattern);
      if (qos > 0) this.tell(who, `ACK ${message.pattern} #${message.id}`);
    } else if (message.type === 'UNSUBSCRIBE') {
      this.sessions.set(
        who,
        mine.filter(({ id }) => id !== message.id),
      );
      if (qos > 0) this.tell(who, `ACK undefined #${message.id}`);
    }
  }

  set(who: string, { address, value, lock, unlock, revision, ttl }: SetMessage, qos: QoS): void {
    const param = this.params.get(address) ?? { value: null, revision: 0, holder: undefined };
    const { holder } = param;
    const absent = param.value === null;
    if (unlock ? holder !== who : holder !== undefined && holder !== who) {
      this.tell(who, `ERROR 401 ${address}`);
    } else if (revision !== undefined && revision !== param.revision && !(absent && revision === 0)) {
      this.tell(who, `ERROR 400 ${address}`);
    } else {
      if (unlock) param.holder = undefined;
      else if (lock) param.holder = who;
      if (ttl)
        param.ttl = ttl.seconds ? { lasts: ttl.seconds * 1000, sliding: ttl.mode === 'sliding', ends: 0 } : undefined;
      if (param.ttl && (ttl || param.ttl.sliding)) param.ttl.ends = this.now + param.ttl.lasts;
      this.write(address, param, value);
      const asked = lock || unlock ? ` ${param.holder === undefined ? 'free' : `held by ${param.holder}`}` : '';
      if (qos > 0) this.tell(who, `ACK ${address} @${param.revision}${asked}`);
    }
  }

  write(address: string, param: NaiveParam, value: Value): void {
    param.value = value;
    param.revision++;
    if (value === null) param.ttl = undefined;
    this.params.set(address, param);
    for (const other of this.listeners(address)) this.tell(other, `SET ${address} ${value} @${param.revision}`);
  }

  listeners(address: string): string[] {
    return [...this.sessions]
      .filter(([, list]) => list.some((one) => matches(one.pattern, address)))
      .map(([who]) => who);
  }

  tell(who: string, what: string): void {
    this.told.push([who, what]);
  }

  tellParams(who: string, pattern: string, greeting = false): void {
    const existing = [...this.params].filter(([address, { value }]) => value !== null && matches(pattern, address));
    const said = existing.map(([address, { value, revision }]) => `${address}=${value}@${revision}`).sort();
    if (greeting || said.length > 0) this.tell(who, `SNAPSHOT ${said.join(' ')}`.trim());
  }
}

/** What a relay said, in the words of the model; `nameOf` tells whose session it is. */
function inWords(message: Message, nameOf: (session: string) => string): string {
  switch (message.type) {
    case 'SNAPSHOT': {
      const said = message.params.map(({ address, value, revision }) => `${address}=${value}@${revision}`).sort();
      return `SNAPSHOT ${said.join(' ')}`.trim();
    }
    case 'SET':
      return `SET ${message.address} ${message.value} @${message.revision}`;
    case 'PUBLISH':
      return `${message.signal} ${message.address} ${message.value}`;
    case 'ERROR':
      return `ERROR ${message.code} ${message.address}`;
    case 'ACK': {
      const { address, revision, correlationId, locked, holder } = message;
      const asked = locked === undefined ? '' : locked ? ` held by ${nameOf(holder ?? '')}` : ' free';
      const number = correlationId === undefined ? '' : ` #${correlationId}`;
      return `ACK ${address}${revision === undefined ? '' : ` @${revision}`}${asked}${number}`;
    }
    default:
      return message.type;
  }
}

/** Plays a script on a relay and on the model; gives what each of them said to whom, for each step. */
function play(script: SessionScript): { ours: string[]; model: string[] }[] {
  const rig = virtualRelay();
  const model = new NaiveRouter();
  const peers = new Map<string, WirePeer<MemoryConnection>>();
  const owners = new Map<string, string>();
  const nameOf = (session: string) => owners.get(session) ?? `nobody (${session})`;
  const said = script.steps.map((step) => {
    if (step.do === 'wait') {
      rig.pass(step.milliseconds);
      model.pass(step.milliseconds);
    } else if (step.do === 'join') {
      const peer = rig.connect();
      peer.hello(step.who);
      for (const message of peer.received) if (message.type === 'WELCOME') owners.set(message.session, step.who);
      peers.set(step.who, peer);
      model.join(step.who);
    } else if (step.do === 'leave') {
      peers.get(step.who)?.close();
      peers.delete(step.who);
      model.leave(step.who);
    } else if (step.do === 'send') {
      peers.get(step.who)?.send(step.message, { qos: step.qos });
      model.send(step.who, step.message, step.qos);
    }
    // What ends at the same time may end in any order.
    const told = model.told.splice(0);
    const inOrder = (lines: string[]) => (step.do === 'wait' ? lines.sort() : lines);
    const ours = script.names.flatMap((name) =>
      inOrder((peers.get(name)?.take() ?? []).map((message) => `${name}: ${inWords(message, nameOf)}`)),
    );
    const theirs = script.names.flatMap((name) =>
      inOrder(told.filter(([who]) => who === name).map(([, what]) => `${name}: ${what}`)),
    );
    return { ours, model: theirs };
  });
  rig.stop();
  return said;
}

/** The same from both, step by step. */
function agree(script: SessionScript): void {
  const said = play(script);
  expect(said.map(({ ours }) => ours)).toEqual(said.map(({ model }) => model));
}

const waits = fc.constantFrom(1, 50, 500, 1_000, 1_700, 3_000);

describe('the router', () => {
  it('says the same to everybody as a naive model of 100 lines, whatever several sessions do', () => {
    fc.assert(fc.property(sessions({ maxSteps: 60, waits }), agree));
  });

  it('lets params live as long as the model, whatever is written and read meanwhile', () => {
    const address = fc.constantFrom('/a', '/b');
    const ttl = fc.record({ seconds: fc.nat(2), mode: fc.constantFrom('sliding' as const, 'absolute') });
    const messages: fc.Arbitrary<Message> = fc.oneof(
      { weight: 2, arbitrary: fc.record({ type: fc.constant('SET' as const), address, value: fc.nat(9), ttl }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('SET' as const), address, value: fc.nat(9) }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('GET' as const), address }) },
      { weight: 1, arbitrary: sessionMessages() },
    );
    fc.assert(fc.property(sessions({ names: ['a', 'b'], messages, maxSteps: 60, waits }), agree));
  });
});
