import {
  Clasp,
  ClaspBuilder,
  type ConnectOptions,
  decodeMessage,
  type ErrorMessage,
  encode,
  isErrorMessage,
  isPublishMessage,
  isSetMessage,
  type Message,
  MessageType,
  type ParamValue,
  QoS,
  type SignalDefinition,
  type SignalType,
  type SubscriptionCallback,
  type TimelineKeyframe,
  type Unsubscribe,
  type Value,
} from '@clasp-to/core';

// A program written for the types of the published client; it is compiled with them, and with ours.

export const options: ConnectOptions = { name: 'desk', features: ['param'], reconnectInterval: 100 };
export const keyframes: TimelineKeyframe[] = [{ time: 0, value: 0, easing: 'linear' }];
export const told: unknown[] = [];
const levels = new Map<string, Value>();

/** A number out of whatever comes. */
export function levelOf(value: Value): number {
  if (typeof value === 'number') return value;
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return 0;
  if (Array.isArray(value)) return value.length;
  return Number(value['level']);
}

/** Follows a mixer. */
export async function follow(url: string): Promise<Unsubscribe[]> {
  const desk: Clasp = await new ClaspBuilder(url).withName('desk').withToken('t').withReconnect(true, 100).connect();
  const heard: SubscriptionCallback = (value, address, meta?: ParamValue) => {
    if (meta === undefined || meta.revision > 0) levels.set(address, value);
  };
  const ends = [
    desk.on('/mixer/*', heard),
    desk.subscribe('/scene', (value) => told.push(levelOf(value)), { maxRate: 30, epsilon: 0.1 }),
    desk.on('/any', (value, address) => {
      if (value && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array)) {
        const name: Value | undefined = value['name'];
        told.push(address, name);
      }
    }),
  ];
  const value: Value = await desk.get('/mixer/1');
  const cached: Value | undefined = desk.cached('/mixer/1');
  desk.set('/mixer/1', { level: levelOf(value), tags: ['a', 'b'], was: cached ?? null });
  desk.bundle([{ set: ['/mixer/2', 0.5] }, { emit: ['/cue', null] }], { at: desk.time() + 1_000 });
  desk.gesture('/xy', 1, 'start', { x: 1 });
  desk.timeline('/mixer/1', keyframes, { loop: true });
  desk.onError((error: Error) => told.push(error.message));
  const last: ErrorMessage | null = desk.getLastError();
  const known: SignalDefinition[] = desk.getSignals();
  const kinds: SignalType[] = known.map(({ type }) => type);
  told.push(last?.code, kinds, MessageType.Set);
  return ends;
}

/** What a message is about. */
export function aboutOf(bytes: Uint8Array): string | undefined {
  const { message }: { message: Message } = decodeMessage(bytes);
  if (isSetMessage(message) || isPublishMessage(message)) return message.address;
  return isErrorMessage(message) ? message.message : undefined;
}

export const bytes: Uint8Array = encode({ type: 'SET', address: '/a', value: 1 }, QoS.Confirm);
export const direct: Clasp = new Clasp('ws://localhost:7330', options);
