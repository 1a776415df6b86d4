import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import type { MqttMessage } from '../core/protocols/mqtt/mqtt.ts';
import { MqttMemory } from '../core/protocols/mqtt/mqtt-memory.ts';
import type { Signal } from '../core/signal/signal.ts';
import type { Value } from '../core/signal/value.ts';
import { type MqttCarrier, type MqttSinkOptions, mqttSink } from './mqtt.ts';

const param = (address: string, value: Value): Signal => ({ kind: 'param', address: `/mqtt/${address}`, value });
const event = (address: string, value: Value): Signal => ({ kind: 'event', address: `/mqtt/${address}`, value });

function setup(options: MqttSinkOptions = {}) {
  const scheduler = new VirtualTimeScheduler();
  const memory = new MqttMemory();
  const sink = mqttSink({ scheduler, memory, ...options });
  const failures: string[] = [];
  sink.failures.subscribe(({ code, address }) => failures.push(`${code} ${address}`));
  /** A broker that confirms when it is told to. */
  const broker = (window = 100, sendsBack = false) => {
    const sent: string[] = [];
    const waiting: ((failure?: ClaspError) => void)[] = [];
    const carrier: MqttCarrier = {
      window,
      sendsBack: () => sendsBack,
      publish: ({ topic, payload, retain, qos }: MqttMessage, done) => {
        sent.push(`${topic} ${new TextDecoder().decode(payload)}${retain ? ' r' : ''}${qos}`);
        waiting.push(done);
      },
    };
    return { carrier, sent, confirm: (failure?: ClaspError) => waiting.shift()?.(failure) };
  };
  return { sink, memory, failures, broker };
}

describe('mqttSink', () => {
  it('publishes params retained, events not, samples at QoS 0, and the end of a param as an empty message', () => {
    const { sink, broker } = setup({ qos: 2 });
    const { carrier, sent } = broker();
    sink.connect(carrier);
    sink.next(param('a', 1));
    sink.next(event('b', 'x'));
    sink.next({ kind: 'stream', address: '/mqtt/c', value: 0.5 });
    sink.next(param('a', null));
    expect(sent).toEqual(['a 1 r2', 'b x2', 'c 0.5' + '0', 'a  r2']);
  });

  it('keeps the order at an address, where a value waits behind which an event was said', () => {
    const { sink, broker } = setup();
    const { carrier, sent, confirm } = broker(1);
    sink.connect(carrier);
    for (const each of [event('x', 0), param('a', 1), param('b', 1), event('a', 'go'), param('a', 2), param('b', 2)]) {
      sink.next(each);
    }
    for (let n = 0; n < 5; n++) confirm();
    expect(sent).toEqual(['x 01', 'b 2 r1', 'a go1', 'a 2 r1']);
  });

  it('says what cannot be sent, and sends the rest', () => {
    const { sink, failures, broker } = setup();
    const { carrier, sent } = broker();
    sink.connect(carrier);
    sink.next({ kind: 'gesture', address: '/mqtt/g', value: 1, id: 1, phase: 'start' });
    sink.next({ kind: 'param', address: '/elsewhere', value: 1 });
    sink.next(param('a+b', 1));
    sink.next(param('ok', 1));
    expect(failures).toEqual(['402 /mqtt/g', '200 /elsewhere', '200 /mqtt/a+b']);
    expect(sent).toEqual(['ok 1 r1']);
  });

  it('does not send what the broker itself said, however late it comes up again', () => {
    const { sink, memory, broker } = setup();
    const { carrier, sent } = broker();
    sink.connect(carrier);
    memory.brokerSaid('/mqtt/a', 5, true, 0);
    sink.next(param('a', 5));
    memory.brokerSaid('/mqtt/b', 7, true, -60_000);
    sink.next(param('b', 7));
    expect(sent).toEqual([]);
    sink.next(param('a', 6));
    sink.next(param('a', 5));
    expect(sent).toEqual(['a 6 r1', 'a 5 r1']);
  });

  it('takes each event of the broker for an echo once, and no param for an event', () => {
    const { sink, memory, broker } = setup();
    const { carrier, sent } = broker();
    sink.connect(carrier);
    memory.brokerSaid('/mqtt/a', 1, false, 0);
    memory.brokerSaid('/mqtt/b', 1, true, 0);
    for (const name of ['a', 'a', 'b', 'b']) sink.next(event(name, 1));
    expect(sent).toEqual(['a 1' + '1', 'b 1' + '1', 'b 1' + '1']);
    sink.next(param('b', 1));
    expect(sent.length).toBe(3);
  });

  it('keeps to the window of the broker; of a param the newest waits, in its place', () => {
    const { sink, broker } = setup();
    const { carrier, sent, confirm } = broker(1);
    sink.connect(carrier);
    sink.next(param('a', 1));
    for (let n = 2; n < 10; n++) sink.next(param('a', n));
    sink.next(event('e', 1));
    sink.next(param('a', 10));
    expect(sent).toEqual(['a 1 r1']);
    confirm();
    confirm();
    expect(sent).toEqual(['a 1 r1', 'a 10 r1', 'e 1' + '1']);
  });

  it('tells of events that are too many, and sends those before', () => {
    const { sink, broker, failures } = setup({ maxQueued: 2 });
    const { carrier, sent, confirm } = broker(1);
    sink.connect(carrier);
    for (let n = 0; n < 5; n++) sink.next(event('e', n));
    expect(failures).toEqual(['503 /mqtt/e', '503 /mqtt/e']);
    for (let n = 0; n < 5; n++) confirm();
    expect(sent).toEqual(['e 01', 'e 11', 'e 21']);
  });

  it('gives a broker that returns every param that is not its own, deletions too, then says so', () => {
    const { sink, memory, broker, failures } = setup();
    const first = broker();
    sink.connect(first.carrier);
    sink.next(param('kept', 1));
    sink.next(param('gone', 1));
    sink.next(param('theirs', 1));
    sink.next(event('e', 1));
    for (let n = 0; n < 3; n++) first.confirm();
    sink.disconnect();
    first.confirm(new ClaspError(ErrorCode.Overloaded, 'gone'));
    memory.brokerSaid('/mqtt/theirs', 2, true, 0);
    sink.next(param('theirs', 2));
    sink.next(param('gone', null));
    sink.next(param('new', 1));
    sink.next(event('e', 2));
    expect(failures).toEqual(['503 /mqtt/e', '503 /mqtt/e']);

    const second = broker(1);
    const pushed: number[] = [];
    sink.connect(second.carrier, () => pushed.push(second.sent.length));
    for (let n = 0; n < 5; n++) second.confirm();
    expect(second.sent).toEqual(['kept 1 r1', 'gone  r1', 'new 1 r1']);
    expect(pushed).toEqual([3]);

    // The deletion is done with.
    sink.disconnect();
    const third = broker();
    sink.connect(third.carrier);
    expect(third.sent).toEqual(['kept 1 r1', 'new 1 r1']);
  });

  it('remembers what a broker will send back', () => {
    const { sink, memory, broker } = setup();
    const { carrier } = broker(100, true);
    sink.connect(carrier);
    sink.next(param('a', 5n));
    expect(memory.isRelays('/mqtt/a', 5n, 0)).toBe(true);
    expect(memory.isRetained('/mqtt/a')).toBe(true);
    expect(memory.isRelays('/mqtt/other', 5n, 0)).toBe(false);
  });

  it('sends thousands that are confirmed at once without running out of stack', () => {
    const { sink } = setup();
    let sent = 0;
    for (let n = 0; n < 20_000; n++) sink.next(param(`p/${n}`, n));
    const publish: MqttCarrier['publish'] = (_message, done) => {
      sent++;
      done();
    };
    sink.connect({ window: 10, sendsBack: () => false, publish });
    expect(sent).toBe(20_000);
  });
});
