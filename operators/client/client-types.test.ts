import { type Observable, of, Subject } from 'rxjs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Client, Reply, SignalCallback } from '../../core/client/client.ts';
import type { Event, Gesture, Keyframe, Param, Signal, Stream, Timeline } from '../../core/signal/signal.ts';
import type { PlainValue, Value } from '../../core/signal/value.ts';
import { congestion } from '../congestion.ts';
import { deadband } from '../deadband.ts';
import { router } from '../router/router.ts';
import { conflictMerge, scopeFilter } from '../signal-stages.ts';
import { scale } from '../transforms.ts';
import type { CallbackClient } from './callback-client.ts';

interface Pose {
  readonly x: number;
  readonly y: number;
  readonly name?: string;
  readonly parts: readonly Pose[];
}
declare class Device {
  send(): void;
}

describe('a Value', () => {
  it('is also what an interface describes, deep inside too', () => {
    expectTypeOf<Pose>().toExtend<Value>();
    expectTypeOf<readonly Pose[]>().toExtend<Value>();
    expectTypeOf<{ readonly poses: readonly Pose[] }>().toExtend<Value>();
    expectTypeOf<Pose | number | null>().toExtend<Value>();
  });

  it('is no function, promise, date, collection or symbol', () => {
    expectTypeOf<() => void>().not.toExtend<Value>();
    expectTypeOf<Promise<number>>().not.toExtend<Value>();
    expectTypeOf<Date>().not.toExtend<Value>();
    expectTypeOf<RegExp>().not.toExtend<Value>();
    expectTypeOf<Map<string, number>>().not.toExtend<Value>();
    expectTypeOf<Set<number>>().not.toExtend<Value>();
    expectTypeOf<ArrayBuffer>().not.toExtend<Value>();
    expectTypeOf<typeof Device>().not.toExtend<Value>();
    expectTypeOf<readonly (() => void)[]>().not.toExtend<Value>();
    expectTypeOf<symbol>().not.toExtend<Value>();
    expectTypeOf<undefined>().not.toExtend<Value>();
  });

  it('is a value again inside of a map that was read without a type', () => {
    expectTypeOf<PlainValue>().toExtend<Value>();
    const inside = (value: PlainValue) =>
      typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && 'x' in value
        ? value['x']
        : undefined;
    expectTypeOf(inside).returns.toEqualTypeOf<PlainValue | undefined>();
    expect(inside({ x: 1 })).toBe(1);
  });
});

describe('a Signal of T', () => {
  it('has values of that type in each of its kinds, and is a Signal', () => {
    expectTypeOf<Signal<Pose>>().toEqualTypeOf<
      Param<Pose> | Event<Pose> | Stream<Pose> | Gesture<Pose> | Timeline<Pose>
    >();
    expectTypeOf<Exclude<Signal<Pose>, Timeline>['value']>().toEqualTypeOf<Pose>();
    expectTypeOf<Timeline<number>['keyframes']>().toEqualTypeOf<readonly Keyframe<number>[]>();
    expectTypeOf<Signal<Pose>>().toExtend<Signal>();
    expectTypeOf<Signal>().toEqualTypeOf<Signal<Value>>();
    // @ts-expect-error a promise is no value
    expectTypeOf<Param<Promise<number>>>().toBeObject();
  });

  it('goes through operators and into a client', () => {
    const poses = of<Signal<Pose>>();
    expectTypeOf(poses.pipe(conflictMerge(), scale({ to: [0, 255] }))).toEqualTypeOf<Observable<Signal>>();
    expectTypeOf(poses.pipe(deadband({ epsilon: 0.1 }))).toExtend<Observable<Signal>>();
    const kept = poses.pipe(scopeFilter({ scopes: ['write:/**'] }), congestion({ ready: of(true) }));
    expectTypeOf(kept).toEqualTypeOf<Observable<Signal<Pose>>>();
    const relay = router();
    poses.subscribe(relay.client('poses'));
  });
});

describe('a client', () => {
  const client = {} as Client;

  it('gives signals and values of the type that is asked for', () => {
    expectTypeOf(client.on<Pose>).toBeCallableWith('/pose/*', { maxRate: 30 });
    expectTypeOf(({ on }: Client) => on<Pose>('/pose/*')).returns.toEqualTypeOf<Observable<Signal<Pose>>>();
    expectTypeOf(({ on }: Client) => on('/pose/*')).returns.toEqualTypeOf<Observable<Signal<PlainValue>>>();
    expectTypeOf(({ get }: Client) => get<Pose>('/a')).returns.toEqualTypeOf<Reply<Pose | null>>();
    expectTypeOf(({ get }: Client) => get('/a')).returns.toEqualTypeOf<Reply<PlainValue>>();
    expectTypeOf(({ cached }: Client) => cached<Pose>('/a')).returns.toEqualTypeOf<Pose | undefined>();
    expectTypeOf(({ cached }: Client) => cached('/a')).returns.toEqualTypeOf<PlainValue | undefined>();
  });

  it('takes a callback for the values it expects, and values that an interface describes', () => {
    const heard: unknown[] = [];
    const relay = router();
    relay(new Subject()).subscribe();
    const desk = relay.client('desk');
    const pose: Pose = { x: 1, y: 2, parts: [] };
    desk.on('/pose', (value: Pose, address) => heard.push(value.x, address));
    desk.on<Pose>('/pose').subscribe((signal) => heard.push(signal.kind === 'param' && signal.value.y));
    desk.set('/pose', pose);
    desk.emit('/pose', pose);
    expect(desk.cached<Pose>('/pose')?.x).toBe(1);
    // @ts-expect-error somebody forgot to await
    desk.set('/a', Promise.resolve(1));
    expectTypeOf<(value: Pose) => void>().toExtend<SignalCallback<Pose>>();
    // @ts-expect-error a callback takes what is asked for
    expectTypeOf(desk.on<number>).toBeCallableWith('/a', (_: string) => undefined);
  });

  it('with callbacks does the same', () => {
    expectTypeOf(({ get }: CallbackClient) => get<Pose>('/a')).returns.toEqualTypeOf<Promise<Pose | null>>();
    expectTypeOf(({ get }: CallbackClient) => get('/a')).returns.toEqualTypeOf<Promise<PlainValue>>();
    expectTypeOf(({ cached }: CallbackClient) => cached<number>('/a')).returns.toEqualTypeOf<number | undefined>();
    expectTypeOf(({ on }: CallbackClient) => on('/a', (v: Pose) => v.x)).returns.toEqualTypeOf<() => void>();
    expectTypeOf<CallbackClient['set']>().toBeCallableWith('/a', {} as Pose);
  });
});
