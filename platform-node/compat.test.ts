import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as published from '@clasp-to/core';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as browser from '../platform-browser/compat.ts';
import { publicNames } from '../scripts/public-names.ts';
import type {
  AckMessage,
  AnnounceMessage,
  BundleMessage,
  ClaspEvents,
  ConnectOptions,
  DecodedFrame,
  ErrorMessage,
  FrameFlags,
  FrameFlagsV3,
  FrameOptions,
  GetMessage,
  HelloMessage,
  Message,
  ParamValue,
  PublishMessage,
  QueryMessage,
  ResultMessage,
  SetMessage,
  SignalDefinition,
  SnapshotMessage,
  SubscribeMessage,
  SubscribeOptions,
  SubscriptionCallback,
  SyncMessage,
  TimelineKeyframe,
  Unsubscribe,
  UnsubscribeMessage,
  Value,
  WelcomeMessage,
} from './compat.ts';
import * as node from './compat.ts';

// A program that imports from `@clasp-to/core` changes the name of the package and nothing else.

const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url));

describe.each([
  ['in Node', node, 'compat.ts'],
  ['in a browser', browser, '../platform-browser/compat.ts'],
])('clasp-rx/compat instead of @clasp-to/core, %s', (_, ours, file) => {
  it('has every value, and no other', () => {
    expect(Object.keys(ours).sort()).toEqual(Object.keys(published).sort());
  });

  it('has every type, and no other', () => {
    const text = readFileSync(pathOf('../node_modules/@clasp-to/core/dist/index.d.ts'), 'utf8');
    const [, list = ''] = text.match(/export \{([^}]*)\};\s*$/) ?? [];
    const names = list.split(',').map((name) => name.replace('type ', '').trim());
    expect(names.length).toBeGreaterThan(50);
    expect([...publicNames(pathOf(file)).keys()].sort()).toEqual(names.sort());
  });
});

it('is the same on both platforms, but for what opens sockets', () => {
  const { Clasp: _, ClaspBuilder: __, ...inNode } = node;
  expect(browser).toEqual(expect.objectContaining(inNode));
});

it('takes what was written for the published types', () => {
  expectTypeOf<published.Value>().toExtend<Value>();
  expectTypeOf<published.ConnectOptions>().toExtend<ConnectOptions>();
  expectTypeOf<published.Message>().toExtend<Message>();
  expectTypeOf<published.BundleMessage>().toExtend<BundleMessage>();
  expectTypeOf<published.PublishMessage>().toExtend<PublishMessage>();
  expectTypeOf<published.FrameFlagsV3>().toExtend<FrameFlagsV3>();
  expectTypeOf<published.FrameFlags>().toExtend<FrameFlags>();
  expectTypeOf<published.FrameOptions>().toExtend<FrameOptions>();
  expectTypeOf<published.DecodedFrame>().toExtend<DecodedFrame>();
  expectTypeOf<published.ParamValue>().toExtend<ParamValue>();
  expectTypeOf<published.TimelineKeyframe>().toExtend<TimelineKeyframe>();
  expectTypeOf<published.SubscribeOptions>().toExtend<SubscribeOptions>();
  expectTypeOf<published.SignalDefinition>().toExtend<SignalDefinition>();
  expectTypeOf<published.Unsubscribe>().toEqualTypeOf<Unsubscribe>();
  expectTypeOf<keyof published.ClaspEvents>().toEqualTypeOf<keyof ClaspEvents>();
  type Others = AckMessage | AnnounceMessage | ErrorMessage | GetMessage | HelloMessage | QueryMessage | ResultMessage;
  type Rest = SetMessage | SnapshotMessage | SubscribeMessage | SyncMessage | UnsubscribeMessage | WelcomeMessage;
  expectTypeOf<Others | Rest>().toExtend<Message>();
  const callback: SubscriptionCallback = (value: Value, address: string, meta?: ParamValue) => [value, address, meta];
  const unsubscribe: Unsubscribe = new node.Clasp('ws://127.0.0.1:1').on('/a', callback);
  unsubscribe();
  const message: Message = node.decode(node.encode({ type: 'PUBLISH', address: '/a', payload: 1 }));
  expect(node.isPublishMessage(message) && (message.value ?? message.payload)).toBe(1);
  const type: node.MessageType = node.MessageType.Set;
  expect([type, node.MessageType[type], node.QoS[1]]).toEqual([33, 'Set', 'Confirm']);
});
