import type { Arbitrary, StringConstraints } from 'fast-check';
import type { GesturePhase, Keyframe, Signal, SignalKind } from '../core/signal/signal.ts';
import type { Value } from '../core/signal/value.ts';
import type { Message, ParamState, SignalDefinition, Ttl } from '../core/wire/message.ts';
import { fc } from './fast-check.ts';

const KINDS: readonly SignalKind[] = ['param', 'event', 'stream', 'gesture', 'timeline'];
const PHASES: readonly GesturePhase[] = ['start', 'move', 'end', 'cancel'];
const EASINGS = ['linear', 'ease-in', 'ease-out', 'ease-in-out', 'step', 'cubic-bezier'] as const;

/** Mostly short and plain, sometimes any Unicode; never an unpaired surrogate. */
const text = (options: StringConstraints = {}): Arbitrary<string> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.string({ maxLength: 12, ...options, unit: 'grapheme-ascii' }) },
    { weight: 2, arbitrary: fc.string({ maxLength: 12, ...options, unit: 'binary' }) },
    { weight: 1, arbitrary: fc.string({ maxLength: 80, ...options, unit: 'grapheme' }) },
  );

const maybe = <T>(arbitrary: Arbitrary<T>): Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const u32 = (): Arbitrary<number> => fc.integer({ min: 0, max: 0xffff_ffff });
/** Revisions and microseconds. */
const count = (): Arbitrary<number> => fc.maxSafeNat();

const mapOf = (values: Arbitrary<Value>): Arbitrary<Value> =>
  fc
    .array(fc.tuple(fc.oneof({ weight: 9, arbitrary: text() }, fc.constant('__proto__')), values), { maxLength: 4 })
    .map(Object.fromEntries<Value>);

/**
 * Any value: every type, nested a few levels deep, all of Unicode, NaN and negative zero, `__proto__` as a key.
 * A bigint is always beyond 2^53, so that each value equals what it becomes over the wire.
 *
 * @example
 * ```ts
 * import { decodeClaspValue, encodeClaspValue } from 'clasp-rx/protocols';
 * import { values } from 'clasp-rx/testing';
 * import fc from 'fast-check';
 * import { expect } from 'vitest';
 *
 * fc.assert(fc.property(values(), (value) => expect(decodeClaspValue(encodeClaspValue(value))).toEqual(value)));
 * ```
 */
export function values(): Arbitrary<Value> {
  const big = fc.oneof(
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  );
  return fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constant(null),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      big,
      text(),
      fc.uint8Array({ maxLength: 40 }),
      fc.array(tie('value'), { maxLength: 4 }),
      mapOf(tie('value')),
    ),
  })).value;
}

const segment = (): Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('mixer', 'channel', '1', '2', 'volume', 'a', 'b', 'A') },
    text({ minLength: 1 }).map((any) => any.replace(/[/*]/gu, '-')),
  );

/** Valid addresses: 1 … 6 segments, many of them alike, so that patterns match some. */
export function addresses(): Arbitrary<string> {
  return fc.array(segment(), { minLength: 1, maxLength: 6 }).map((segments) => `/${segments.join('/')}`);
}

/** Valid patterns, with `*`, `**` and wildcards within segments. */
export function patterns(): Arbitrary<string> {
  const wild = fc.oneof(
    { weight: 3, arbitrary: segment() },
    fc.constantFrom('*', '**'),
    segment().map((start) => `${start}*`),
  );
  return fc.array(wild, { minLength: 1, maxLength: 6 }).map((segments) => `/${segments.join('/')}`);
}

const kinds = (): Arbitrary<SignalKind[] | undefined> =>
  maybe(fc.subarray([...KINDS], { minLength: 1 }).filter((some) => some.length > 0));

const features = (all: readonly string[]): Arbitrary<string[]> => fc.subarray([...all]);

const definitions = (withMeta: boolean): Arbitrary<SignalDefinition[]> => {
  const meta = fc.record({
    unit: maybe(text()),
    range: maybe(fc.tuple(fc.double(), fc.double())),
    default: maybe(values()),
    description: maybe(text()),
  });
  return fc.array(
    fc.record({
      address: addresses(),
      type: fc.constantFrom(...KINDS),
      datatype: maybe(text()),
      access: maybe(text()),
      meta: withMeta ? maybe(meta) : fc.constant(undefined),
    }),
    { maxLength: 4 },
  );
};

const params = (): Arbitrary<ParamState> =>
  fc.record({
    address: addresses(),
    value: values(),
    revision: count(),
    writer: maybe(text()),
    timestamp: maybe(count()),
  });

const ttls = (): Arbitrary<Ttl> =>
  fc.record({
    seconds: fc.integer({ min: 0, max: 0x7fff_ffff }),
    mode: fc.constantFrom<Ttl['mode'][]>('sliding', 'absolute'),
  });

const flag = (): Arbitrary<true | undefined> => fc.constantFrom(true, undefined);

/** One arbitrary per message type, in the shape that decoding gives back. */
const messageTypes = (): { readonly [Type in Message['type']]: Arbitrary<Extract<Message, { type: Type }>> } => {
  const is = <const Type extends Message['type']>(type: Type): Arbitrary<Type> => fc.constant(type);
  const publishHead = { type: is('PUBLISH'), address: addresses(), timestamp: maybe(count()), rate: maybe(u32()) };
  const kind = fc.constantFrom<SignalKind[]>('param', 'event', 'stream', 'timeline');

  const single = {
    HELLO: fc.record({
      type: is('HELLO'),
      version: fc.nat(255),
      name: text(),
      features: features([...KINDS, 'federation']),
      token: maybe(text({ minLength: 1 })),
    }),
    WELCOME: fc.record({
      type: is('WELCOME'),
      version: fc.nat(255),
      session: text(),
      name: text(),
      features: features(KINDS),
      time: count(),
      token: maybe(text({ minLength: 1 })),
    }),
    ANNOUNCE: fc.record({
      type: is('ANNOUNCE'),
      namespace: maybe(text({ minLength: 1 })),
      signals: definitions(true),
    }),
    FEDERATION_SYNC: fc.record({
      type: is('FEDERATION_SYNC'),
      op: fc.constantFrom('declare' as const, 'request-sync', 'revision-vector', 'sync-complete'),
      patterns: fc.array(patterns(), { maxLength: 4 }),
      revisions: fc.array(fc.record({ address: addresses(), revision: count() }), { maxLength: 4 }),
      since: maybe(count()),
      origin: maybe(text()),
    }),
    SUBSCRIBE: fc.record({
      type: is('SUBSCRIBE'),
      id: u32(),
      pattern: patterns(),
      types: kinds(),
      options: maybe(
        fc
          .record({ maxRate: maybe(u32()), epsilon: maybe(fc.double()), history: maybe(u32()), window: maybe(u32()) })
          .filter((options) => Object.values(options).some((option) => option !== undefined)),
      ),
    }),
    UNSUBSCRIBE: fc.record({ type: is('UNSUBSCRIBE'), id: u32() }),
    PUBLISH: fc.oneof(
      fc.record({ ...publishHead, signal: kind, value: maybe(values()), id: maybe(u32()) }),
      fc.record({ ...publishHead, signal: kind, samples: fc.array(fc.double(), { maxLength: 8 }), id: maybe(u32()) }),
      fc.record({
        ...publishHead,
        signal: fc.constant('gesture' as const),
        value: maybe(values()),
        id: maybe(u32()),
        phase: fc.constantFrom(...PHASES),
      }),
    ),
    SET: fc.record({
      type: is('SET'),
      address: addresses(),
      value: values(),
      revision: maybe(count()),
      lock: flag(),
      unlock: flag(),
      ttl: maybe(ttls()),
    }),
    GET: fc.record({ type: is('GET'), address: addresses() }),
    SNAPSHOT: fc.record({ type: is('SNAPSHOT'), params: fc.array(params(), { maxLength: 4 }) }),
    REPLAY: fc.record({
      type: is('REPLAY'),
      pattern: patterns(),
      from: maybe(count()),
      to: maybe(count()),
      limit: maybe(u32()),
      types: kinds(),
    }),
    SYNC: fc.record({ type: is('SYNC'), t1: count(), t2: maybe(count()), t3: maybe(count()) }),
    PING: fc.record({ type: is('PING') }),
    PONG: fc.record({ type: is('PONG') }),
    ACK: fc.record({
      type: is('ACK'),
      address: maybe(addresses()),
      revision: maybe(count()),
      locked: maybe(fc.boolean()),
      holder: maybe(text()),
      correlationId: maybe(u32()),
    }),
    ERROR: fc.record({
      type: is('ERROR'),
      code: fc.nat(65535),
      message: text(),
      address: maybe(addresses()),
      correlationId: maybe(u32()),
    }),
    QUERY: fc.record({ type: is('QUERY'), pattern: patterns() }),
    RESULT: fc.record({ type: is('RESULT'), signals: definitions(false) }),
  };
  const bundled = fc.array(fc.oneof<Arbitrary<Message>[]>(...Object.values(single)), { maxLength: 4 });
  return {
    ...single,
    BUNDLE: fc.record({ type: is('BUNDLE'), timestamp: maybe(count()), messages: bundled }),
  };
};

/** Any message the protocol knows, or of the given types only; each equals what it becomes over the wire. */
export function messages<Type extends Message['type'] = Message['type']>(
  ...types: readonly Type[]
): Arbitrary<Extract<Message, { type: Type }>> {
  const all = messageTypes();
  const wanted = types.length > 0 ? types : (Object.keys(all) as Type[]);
  return fc.oneof(...wanted.map((type) => all[type])) as Arbitrary<Extract<Message, { type: Type }>>;
}

const keyframes = (): Arbitrary<Keyframe[]> =>
  fc
    .array(
      fc.record(
        {
          time: fc.nat(10_000_000),
          value: values(),
          easing: fc.constantFrom(...EASINGS),
          bezier: fc.tuple(fc.double(), fc.double(), fc.double(), fc.double()),
        },
        { requiredKeys: ['time', 'value'] },
      ),
      { maxLength: 5 },
    )
    .map((frames) => frames.sort((a, b) => a.time - b.time));

/** Any signal of any kind, or of the given kinds only; keyframes in order of time. */
export function signals<Kind extends SignalKind = SignalKind>(
  ...wanted: readonly Kind[]
): Arbitrary<Extract<Signal, { kind: Kind }>> {
  const base = { address: addresses(), at: maybe(count()), origin: maybe(text()) };
  const all: Readonly<Record<SignalKind, Arbitrary<Signal>>> = {
    param: fc.record({
      ...base,
      kind: fc.constant('param' as const),
      value: values(),
      revision: maybe(count()),
      writer: maybe(text()),
      snapshot: flag(),
    }),
    event: fc.record({ ...base, kind: fc.constant('event' as const), value: values() }),
    stream: fc.record({ ...base, kind: fc.constant('stream' as const), value: values(), rate: maybe(u32()) }),
    gesture: fc.record({
      ...base,
      kind: fc.constant('gesture' as const),
      id: u32(),
      phase: fc.constantFrom(...PHASES),
      value: values(),
    }),
    timeline: fc.record({
      ...base,
      kind: fc.constant('timeline' as const),
      keyframes: keyframes(),
      loop: maybe(fc.boolean()),
      startTime: maybe(count()),
    }),
  };
  const some = wanted.length > 0 ? wanted : KINDS;
  return fc.oneof(...some.map((kind) => all[kind])) as Arbitrary<Extract<Signal, { kind: Kind }>>;
}
