import { describe, expect, it } from 'vitest';
import { last, publish, setup, subscribe, texts, will } from '../../peers/virtual-mqtt.ts';

describe('MqttServer, in time', () => {
  it('closes what does not say who it is within 10 s', () => {
    const { wire, pass } = setup();
    const silent = wire();
    pass(9_999);
    expect(silent.closed).toBe(false);
    pass(1);
    expect(silent.closed).toBe(true);
  });

  it('closes a client that is silent for one and a half of its keep alive, and says its will', () => {
    const { connect, pass } = setup();
    const watcher = connect({ clientId: 'watcher' });
    watcher.packets.next(subscribe('will'));
    const client = connect({ keepalive: 10, will: will('will') });
    pass(14_000);
    client.packets.next({ cmd: 'pingreq' });
    expect(last(client)).toEqual({ cmd: 'pingresp' });
    pass(14_999);
    expect(client.closed).toBe(false);
    pass(1);
    expect(last(client)).toEqual({ cmd: 'disconnect', reasonCode: 0x8d });
    expect(client.closed).toBe(true);
    expect(texts(watcher)).toEqual(['will gone']);
  });

  it('says a will after its delay, and not if the client is back by then', () => {
    const { connect, pass } = setup();
    const watcher = connect({ clientId: 'watcher' });
    watcher.packets.next(subscribe('will'));
    const properties = { sessionExpiryInterval: 100 };
    const login = { clean: false, will: will('will', 5), properties };
    connect(login).packets.complete();
    pass(4_999);
    const back = connect(login);
    pass(10_000);
    expect(texts(watcher)).toEqual([]);
    back.packets.complete();
    pass(4_999);
    expect(texts(watcher)).toEqual([]);
    pass(1);
    expect(texts(watcher)).toEqual(['will gone']);
  });

  it('says a will as it was left, but for its delay', () => {
    const { connect, pass } = setup();
    const watcher = connect({ clientId: 'watcher' });
    watcher.packets.next(subscribe('will'));
    const properties = { willDelayInterval: 5, contentType: 'text/plain', userProperties: { a: 'b' } };
    const login = { will: { ...will('will'), properties }, properties: { sessionExpiryInterval: 100 } };
    connect(login).packets.complete();
    pass(5_000);
    expect(last(watcher)).toMatchObject({ topic: 'will' });
    expect(last(watcher)).toHaveProperty('properties', { contentType: 'text/plain', userProperties: { a: 'b' } });
  });

  it('says a will with a longer delay when the session ends', () => {
    const { connect, pass } = setup();
    const watcher = connect({ clientId: 'watcher' });
    watcher.packets.next(subscribe('will'));
    connect({ will: will('will', 50), properties: { sessionExpiryInterval: 10 } }).packets.complete();
    pass(9_999);
    expect(texts(watcher)).toEqual([]);
    pass(1);
    expect(texts(watcher)).toEqual(['will gone']);
  });

  it('forgets a client after its session expiry, and not before', () => {
    const { connect, pass } = setup();
    const login = { clean: false, properties: { sessionExpiryInterval: 10 } };
    connect(login).packets.complete();
    pass(9_999);
    expect(last(connect(login))).toMatchObject({ cmd: 'connack', sessionPresent: true });
    const again = connect(login);
    again.packets.next({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 1 } });
    pass(1_000);
    expect(last(connect(login))).toMatchObject({ cmd: 'connack', sessionPresent: false });
  });

  it('remembers nobody for longer than it wants to, and says so', () => {
    const { connect, pass } = setup({ maxSessionExpiry: 60 });
    const login = { clean: false, properties: { sessionExpiryInterval: 0xffff_ffff } };
    const client = connect(login);
    expect(last(client)).toMatchObject({ properties: { sessionExpiryInterval: 60 } });
    client.packets.complete();
    pass(60_000);
    expect(last(connect(login))).toMatchObject({ sessionPresent: false });
    connect({ clientId: 'old', protocolVersion: 4, clean: false }).packets.complete();
    pass(60_000);
    expect(last(connect({ clientId: 'old', protocolVersion: 4, clean: false }))).toMatchObject({
      sessionPresent: false,
    });
  });

  it('sends what has expired to nobody, and tells how long the rest is good for', async () => {
    const { connect, pass, app } = setup();
    const login = { clientId: 'away', clean: false, properties: { sessionExpiryInterval: 100 } };
    const away = connect(login);
    away.packets.next(subscribe('#'));
    away.packets.complete();
    const client = connect();
    client.packets.next(publish('e/short', '1', { qos: 1, messageId: 1, properties: { messageExpiryInterval: 3 } }));
    client.packets.next(publish('e/long', '2', { qos: 1, messageId: 2, properties: { messageExpiryInterval: 30 } }));
    const kept = { qos: 1, messageId: 3, retain: true, properties: { messageExpiryInterval: 4 } } as const;
    client.packets.next(publish('p', '3', kept));
    pass(3_500);
    const back = connect(login);
    expect(texts(back).sort()).toEqual(['e/long 2', 'p 3']);
    const long = back.received.find((packet) => packet.cmd === 'publish' && packet.topic === 'e/long');
    expect(long).toMatchObject({ properties: { messageExpiryInterval: 27 } });
    // A retained message that ends is a param that does.
    pass(1_000);
    let value: unknown = 'unknown';
    app.get('/mqtt/p').subscribe((found) => {
      value = found;
    });
    expect(value).toBeNull();
  });

  it('gives a value that somebody writes again after a message with it has expired', () => {
    const { connect, app, pass } = setup();
    const kept = { retain: true, properties: { messageExpiryInterval: 4 } } as const;
    connect().packets.next(publish('p', '3', kept));
    pass(5_000);
    app.set('/mqtt/p', 3);
    const late = connect({ clientId: 'late' });
    late.packets.next(subscribe('p'));
    expect(texts(late)).toEqual(['p 3']);
  });

  it('ends a connection when what was granted ends', () => {
    const { connect, pass } = setup({ authenticate: () => ({ scopes: ['admin:/**'], expiresAt: 5_000 }) });
    const client = connect();
    pass(4_999);
    expect(client.closed).toBe(false);
    pass(1);
    expect(last(client)).toEqual({ cmd: 'disconnect', reasonCode: 0x87 });
  });

  it('lets nobody in whose grant has ended, and leaves the client alone that has the same id', async () => {
    const { connect, pass, app, server } = setup({
      authenticate: (token) => ({ scopes: ['admin:/**'], ...(token === 'short' && { expiresAt: 5_000 }) }),
    });
    const stays = connect();
    pass(5_000);
    const late = connect({ password: new TextEncoder().encode('short') });
    expect(late.received).toEqual([expect.objectContaining({ cmd: 'connack', reasonCode: 0x87 })]);
    expect([late.closed, stays.closed, server.clients]).toEqual([true, false, ['c']]);
    late.packets.next(publish('late', '1', { retain: true }));
    let value: unknown = 'unknown';
    app.get('/mqtt/late').subscribe((found) => {
      value = found;
    });
    expect(value).toBeNull();
  });

  it('keeps the session of one user from another with the same client id and password', () => {
    const { connect } = setup({ authenticate: () => ({ scopes: ['admin:/**'] }) });
    const password = new TextEncoder().encode('shared');
    const properties = { sessionExpiryInterval: 60 };
    const of = (username: string) => ({ clean: false, username, password, properties });
    const sessionPresent = (username: string) => connect(of(username)).received[0];
    sessionPresent('anna');
    expect(sessionPresent('anna')).toMatchObject({ sessionPresent: true });
    expect(sessionPresent('bert')).toMatchObject({ sessionPresent: false });
  });

  it('takes the session of a connection over, and tells the older one', () => {
    const { connect, server } = setup();
    const watcher = connect({ clientId: 'watcher' });
    watcher.packets.next(subscribe('will'));
    const login = { clean: false, properties: { sessionExpiryInterval: 100 } };
    const first = connect({ ...login, will: will('will') });
    const second = connect(login);
    expect(last(first)).toEqual({ cmd: 'disconnect', reasonCode: 0x8e });
    expect(texts(watcher)).toEqual(['will gone']);
    expect(last(second)).toMatchObject({ cmd: 'connack', sessionPresent: true });
    first.packets.complete(); // late news of the one that is gone
    expect(server.clients).toEqual(['watcher', 'c']);
  });

  it('holds back what can wait from a client that lags, and of a param keeps the newest', async () => {
    const { connect, app, pass } = setup();
    const client = connect();
    client.packets.next(subscribe('#', 0));
    client.saturated.next(true);
    for (let n = 0; n < 100; n++) app.set('/mqtt/level', n);
    app.emit('/mqtt/go', 1);
    pass(1);
    expect(texts(client)).toEqual([]);
    client.saturated.next(false);
    expect(texts(client)).toEqual(['level 99', 'go 1']);
  });

  it('cuts a client off that leaves too much waiting, and drops the oldest for one that is away', () => {
    const { connect, app, pass, failures } = setup({ maxQueued: 3 });
    const login = { clean: false, properties: { sessionExpiryInterval: 100 } };
    const client = connect(login);
    client.packets.next(subscribe('#', 1));
    client.saturated.next(true);
    for (let n = 0; n < 3; n++) app.emit('/mqtt/e', n);
    pass(1);
    expect(client.closed).toBe(false);
    app.emit('/mqtt/e', 3);
    pass(1);
    expect(last(client)).toEqual({ cmd: 'disconnect', reasonCode: 0x97 });
    for (let n = 4; n < 6; n++) app.emit('/mqtt/e', n);
    pass(1);
    expect(texts(connect(login))).toEqual(['e 2', 'e 4', 'e 5']);
    pass(2_000);
    expect(failures.length).toBeGreaterThan(0);
  });

  it('answers each QoS 2 message once, however often it is sent, and releases it', () => {
    const { connect, app, pass } = setup();
    const seen: unknown[] = [];
    app.on('/mqtt/**').subscribe((signal) => seen.push('value' in signal && signal.value));
    const client = connect();
    const message = publish('a', '1', { qos: 2, messageId: 9 });
    client.packets.next(message);
    client.packets.next({ ...message, dup: true });
    pass(1);
    expect(client.received.slice(1)).toEqual([
      { cmd: 'pubrec', messageId: 9, reasonCode: 0 },
      { cmd: 'pubrec', messageId: 9, reasonCode: 0 },
    ]);
    expect(seen).toEqual([1]);
    client.packets.next({ cmd: 'pubrel', messageId: 9 });
    expect(last(client)).toEqual({ cmd: 'pubcomp', messageId: 9, reasonCode: 0 });
    client.packets.next({ cmd: 'pubrel', messageId: 9 });
    expect(last(client)).toEqual({ cmd: 'pubcomp', messageId: 9, reasonCode: 0x92 });
    client.packets.next(message);
    pass(1);
    expect(seen.length).toBe(2);
  });

  it('tells its clients that it shuts down, and says no wills', () => {
    const { connect, server, app, pass } = setup();
    const seen: unknown[] = [];
    app.on('/mqtt/**').subscribe((signal) => seen.push(signal));
    const client = connect({ will: will('will') });
    server.close();
    pass(10_000);
    expect(last(client)).toEqual({ cmd: 'disconnect', reasonCode: 0x8b });
    expect(seen).toEqual([]);
  });
});
