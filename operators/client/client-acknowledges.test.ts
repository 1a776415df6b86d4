import { describe, expect, it } from 'vitest';
import type { Message } from '../../core/wire/message.ts';
import { type ClientOnScript, clientOnScript, redial } from '../../testing/client-on-script.ts';

// A published relay never acknowledges a PUBLISH. What is sent to one must neither be waited for nor sent twice.

const unknowing = (): ClientOnScript => {
  const made = clientOnScript({ acknowledges: undefined });
  made.relay.welcome();
  return made;
};

/** How a request stands. */
function follow(reply: PromiseLike<unknown>): { state: string } {
  const seen = { state: 'open' };
  reply.then(
    () => {
      seen.state = 'answered';
    },
    (error: { code: number }) => {
      seen.state = `failed ${error.code}`;
    },
  );
  return seen;
}

const settled = () => new Promise((done) => setTimeout(done));
const published = (messages: readonly Message[]) => messages.filter(({ type }) => type === 'PUBLISH').length;

describe('a client whose relay has not shown that it acknowledges', () => {
  it('asks with a PING, and counts an event as sent a second after a PONG without an ACK', async () => {
    const { relay, client, codes } = unknowing();
    const cue = follow(client.emit('/cue', 'go'));
    expect(relay.peer.take().map(({ type }) => type)).toEqual(['PUBLISH', 'PING']);
    relay.peer.send({ type: 'PONG' });
    relay.pass(1_100);
    await settled();
    expect([cue.state, codes()]).toEqual(['answered', []]);
  });

  it('then sends events without waiting or asking again', async () => {
    const { relay, client } = unknowing();
    client.emit('/cue');
    relay.peer.send({ type: 'PONG' });
    relay.pass(1_100);
    relay.peer.take();
    const cue = follow(client.timeline('/fade', []));
    await settled();
    expect(relay.peer.take().map(({ type }) => type)).toEqual(['PUBLISH']);
    expect(cue.state).toBe('answered');
  });

  it('does not repeat over a reconnect what may have happened, and says so', async () => {
    const made = unknowing();
    const { relay, client, codes } = made;
    const cue = follow(client.emit('/cue'));
    relay.peer.take();
    relay.peer.close();
    redial(made);
    relay.welcome();
    await settled();
    expect(published(relay.peer.take())).toBe(0);
    expect(cue.state).toBe('failed 502');
    expect(codes()).toEqual([502]);
  });

  it('repeats what waited for a connection all the time', () => {
    const { relay, client } = clientOnScript({ acknowledges: undefined });
    client.emit('/cue');
    relay.welcome();
    expect(published(relay.peer.take())).toBe(1);
  });

  it('hears a refusal that comes before the PONG', async () => {
    const { relay, client } = unknowing();
    const cue = follow(client.emit('/cue'));
    relay.peer.send({ type: 'ERROR', code: 301, message: 'no', address: '/cue' });
    relay.peer.send({ type: 'PONG' });
    await settled();
    expect(cue.state).toBe('failed 301');
  });

  it('waits for the ACK, and repeats, once there has been one', async () => {
    const made = unknowing();
    const { relay, client } = made;
    const first = follow(client.emit('/cue'));
    relay.peer.send({ type: 'ACK', address: '/cue' });
    relay.peer.send({ type: 'PONG' });
    await settled();
    expect(first.state).toBe('answered');
    client.emit('/cue');
    relay.peer.take();
    relay.peer.close();
    redial(made);
    relay.welcome();
    expect(published(relay.peer.take())).toBe(1);
  });
});
