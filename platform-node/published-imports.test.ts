import * as published from '@clasp-to/core';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as browser from '../platform-browser/index.ts';
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
} from './index.ts';
import * as node from './index.ts';

// A program that imports from `@clasp-to/core` changes the name of the package and nothing else.

describe.each([
  ['clasp-rx/platform-node', node],
  ['clasp-rx/platform-browser', browser],
])('%s instead of @clasp-to/core', (_, ours) => {
  it('has every name', () => {
    expect(Object.keys(ours)).toEqual(expect.arrayContaining(Object.keys(published)));
  });
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
