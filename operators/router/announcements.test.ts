import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessageCode, ValueCode, Writer } from '../../core/wire/index.ts';
import type { Message, ResultMessage, SignalDefinition } from '../../core/wire/message.ts';
import { routerRig } from '../../testing/router-rig.ts';

const rig = routerRig();
beforeEach(() => rig.start());
afterEach(() => rig.stop());

const fader: SignalDefinition = {
  address: '/desk/1',
  type: 'param',
  datatype: 'f64',
  access: 'rw',
  meta: { range: [0, 1] },
};
const cue: SignalDefinition = { address: '/cue', type: 'event' };
const announce = (...signals: SignalDefinition[]): Message => ({ type: 'ANNOUNCE', namespace: '', signals });
const results = (messages: readonly Message[]) =>
  messages.filter((message): message is ResultMessage => message.type === 'RESULT').flatMap(({ signals }) => signals);

describe('an announcement', () => {
  it('is acknowledged, and told to those that subscribe its address and understand it', () => {
    const bridge = rig.join('bridge');
    const listener = rig.join('listener');
    const simple = rig.join('simple');
    listener.send({ type: 'SUBSCRIBE', id: 1, pattern: '/desk/**' }, { qos: 1 });
    simple.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' });
    listener.take();
    simple.take();
    bridge.send(announce(fader, cue), { qos: 1 });
    expect(bridge.take()).toMatchObject([{ type: 'ACK', address: '/desk/1' }]);
    expect(listener.take()).toEqual([
      expect.objectContaining({
        type: 'ANNOUNCE',
        signals: [expect.objectContaining({ address: '/desk/1', meta: { range: [0, 1] } })],
      }),
    ]);
    expect(simple.take()).toEqual([]);
  });

  it('with a default value of many integers is told as it came: as floats they would not fit a frame', () => {
    const bridge = rig.join('bridge');
    const listener = rig.join('listener');
    listener.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' }, { qos: 1 });
    listener.take();
    const count = 20_000;
    const entry = new Writer().str('/grid').u8(0).u8(4).u8(4).u8(ValueCode.Array).u16(count);
    for (let i = 0; i < count; i++) entry.u8(ValueCode.I8).u8(1);
    const message = new Writer().u8(MessageCode.Announce).str('').u16(1).bytes(entry.finish()).finish();
    bridge.sendBytes(new Writer().u8(0x53).u8(0x01).u16(message.length).bytes(message).finish());
    expect(listener.take()).toEqual([
      expect.objectContaining({
        type: 'ANNOUNCE',
        signals: [expect.objectContaining({ address: '/grid', meta: { default: new Array(count).fill(1) } })],
      }),
    ]);
    expect(listener.ended).toBeUndefined();
  });

  it('is found by a query beside existing params, until its session ends', () => {
    const bridge = rig.join('bridge');
    const asker = rig.join('asker');
    bridge.send(announce(fader, cue));
    bridge.send({ type: 'SET', address: '/desk/2', value: 1 });
    asker.send({ type: 'QUERY', pattern: '/desk/*' });
    expect(results(asker.take())).toEqual([
      expect.objectContaining({ address: '/desk/1', datatype: 'f64' }),
      expect.objectContaining({ address: '/desk/2', type: 'param' }),
    ]);
    bridge.close();
    asker.send({ type: 'QUERY', pattern: '/**' });
    expect(results(asker.take()).map(({ address }) => address)).toEqual(['/desk/2']);
  });

  it('that is too long for one frame is told in several, each signal once, and only what may be read', () => {
    rig.start({ authenticate: (token) => ({ scopes: token ? ['write:/**'] : ['read:/open/**'] }) });
    const bridge = rig.join('bridge', 'secret');
    const guest = rig.join('guest');
    const addresses = Array.from({ length: 3_000 }, (_, n) => `/open/${'x'.repeat(40)}/${n}`);
    for (const address of addresses) bridge.send({ type: 'SET', address, value: 1 });
    bridge.send(announce(fader));
    guest.send({ type: 'QUERY', pattern: '/**' });
    const messages = guest.take();
    expect(messages.length).toBeGreaterThan(1);
    expect(new Set(messages.map(({ type }) => type))).toEqual(new Set(['RESULT']));
    expect(results(messages).map(({ address }) => address)).toEqual(addresses);
  });

  it('of an address replaces the one before, whoever made it', () => {
    const [first, second, asker] = [rig.join('first'), rig.join('second'), rig.join('asker')];
    first.send(announce(cue));
    second.send(announce({ ...cue, type: 'stream' }));
    first.close();
    asker.send({ type: 'QUERY', pattern: '/cue' });
    expect(results(asker.take())).toEqual([expect.objectContaining({ type: 'stream' })]);
  });

  it('needs write on every address, good addresses, and is limited', () => {
    rig.start({ authenticate: () => ({ scopes: ['write:/desk/**', 'read:/**'] }) });
    const bridge = rig.join('bridge');
    bridge.send(announce(fader, cue));
    bridge.send(announce({ address: '/desk//x', type: 'param' }));
    bridge.send(announce(cue, { address: '/else//x', type: 'param' }));
    for (let i = 0; i < 11; i++) {
      bridge.send(
        announce(...Array.from({ length: 1_000 }, (_, n) => ({ address: `/desk/${i}/${n}`, type: 'param' as const }))),
      );
    }
    expect(bridge.take()).toEqual([
      expect.objectContaining({ code: 301, address: '/cue' }),
      expect.objectContaining({ code: 200, address: '/desk//x' }),
      expect.objectContaining({ code: 200, address: '/else//x' }),
      expect.objectContaining({ code: 429 }),
    ]);
    bridge.send({ type: 'QUERY', pattern: '/desk/**' });
    expect(results(bridge.take())).toHaveLength(10_000);
  });

  it('may be made anew of all that a session has, also twice in one message: what is kept counts', () => {
    const bridge = rig.join('bridge');
    const announceAll = () => {
      for (let i = 0; i < 10; i++) {
        const signals = Array.from({ length: 1_000 }, (_, n) => ({ ...cue, address: `/desk/${i}/${n}` }));
        bridge.send(announce(...signals, ...signals), { qos: 1 });
      }
      return bridge.take().map(({ type }) => type);
    };
    expect(announceAll()).toEqual(new Array(10).fill('ACK'));
    expect(announceAll()).toEqual(new Array(10).fill('ACK'));
    const other = rig.join('other');
    other.send(announce({ ...cue, address: '/desk/0/0' }));
    bridge.send(announce({ ...cue, address: '/one/more' }), { qos: 1 });
    bridge.send(announce({ ...cue, address: '/desk/0/0' }));
    expect(bridge.take()).toMatchObject([{ type: 'ACK' }, { code: 429, address: '/desk/0/0' }]);
  });

  it('is limited in bytes too, which are free again when it is replaced', () => {
    const bridge = rig.join('bridge');
    const long = (address: string): SignalDefinition => ({ address, type: 'param', datatype: 'x'.repeat(60_000) });
    for (let n = 0; n < 100; n++) bridge.send(announce(long(`/desk/${n}`)));
    const refused = bridge.take();
    expect(refused).toHaveLength(31);
    expect(refused[0]).toMatchObject({ type: 'ERROR', code: 429, address: '/desk/69' });
    bridge.send(announce({ address: '/desk/0', type: 'param' }));
    bridge.send(announce(long('/desk/69')), { qos: 1 });
    bridge.send(announce(long('/desk/70')));
    expect(bridge.take()).toMatchObject([{ type: 'ACK' }, { code: 429, address: '/desk/70' }]);
  });

  it('is kept without its default value and description, which nobody can ask for', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const bridge = rig.join('bridge');
    const described = { ...cue, meta: { description: 'x'.repeat(60_000) } };
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 1_000; n++) bridge.send(announce({ ...described, address: `/cue/${n}` }));
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
    bridge.send({ type: 'QUERY', pattern: '/**' });
    expect(results(bridge.take())).toHaveLength(1_000);
  });
});
