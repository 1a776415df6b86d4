import { describe, expect, it } from 'vitest';
import type { ClaspError } from '../../core/errors.ts';
import type { Signal } from '../../core/signal/signal.ts';
import { nextTag } from '../../core/signal/tag.ts';
import type { Value } from '../../core/signal/value.ts';
import { virtualRelay } from '../../testing/virtual-relay.ts';

// Values that no frame of CLASP holds: between participants of the process they pass, everybody else is told.

const LARGE = { devices: Array.from({ length: 3_000 }, (_, n) => ({ name: `device ${n}`, id: n })) };

function setup(options: Parameters<typeof virtualRelay>[0] = {}) {
  const rig = virtualRelay(options);
  const [desk, show] = [rig.relay.client('desk'), rig.relay.client('show')];
  const heard: Signal[] = [];
  show.on('/**').subscribe((signal) => heard.push(signal));
  const far = rig.join('far');
  far.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' }, { qos: 1 });
  far.take();
  return { ...rig, desk, show, heard, far };
}

describe('a large value', () => {
  it('passes between participants of the process, is kept, and readers over CLASP are told', async () => {
    const { desk, show, heard, far, relay, join } = setup();
    await desk.set('/list', 1);
    far.take();
    expect(await desk.set('/list', LARGE)).toEqual({ address: '/list', revision: 2 });
    expect(heard.at(-1)).toMatchObject({ kind: 'param', address: '/list', value: LARGE, revision: 2 });
    const told = [
      { type: 'ERROR', code: 501, address: '/list', message: expect.stringMatching(/\/list takes \d{5,6} bytes/) },
    ];
    expect(far.take()).toEqual(told);

    expect(await show.get('/list')).toEqual(LARGE);
    const late: Signal[] = [];
    relay
      .client('late')
      .on('/list')
      .subscribe((signal) => late.push(signal));
    expect(late).toMatchObject([{ value: LARGE, revision: 2, snapshot: true }]);

    far.send({ type: 'GET', address: '/list' });
    expect(far.take()).toEqual(told);
    const other = join('other');
    other.send({ type: 'SUBSCRIBE', id: 1, pattern: '/**' }, { qos: 1 });
    expect(other.take().map(({ type }) => type)).toEqual(['SNAPSHOT', 'ERROR', 'ACK']);

    await desk.set('/list', 2);
    expect(far.take()).toMatchObject([{ type: 'SET', value: 2, revision: 3 }]);
    expect(heard.at(-1)).toMatchObject({ value: 2, revision: 3 });
    await desk.set('/list', LARGE);
    await desk.set('/list', null);
    expect(await show.get('/list')).toBeNull();
  });

  it('passes as an event too, and nobody beyond the process can say one', async () => {
    const { desk, heard, far } = setup();
    await desk.emit('/list', LARGE);
    expect(heard).toMatchObject([{ kind: 'event', value: LARGE }]);
    expect(far.take()).toMatchObject([{ type: 'ERROR', code: 501, address: '/list' }]);
    expect(() => far.send({ type: 'SET', address: '/list', value: 'x'.repeat(70_000) })).toThrow();
  });

  it('answers no write of who hears of it', async () => {
    const { desk, far, relay } = setup();
    const errors: ClaspError[] = [];
    relay.client('other').errors.subscribe((error) => errors.push(error));
    await desk.set('/list', LARGE);
    far.take();
    far.send({ type: 'SET', address: '/list', value: 3 }, { qos: 1 });
    expect(far.take()).toMatchObject([
      { type: 'SET', value: 3 },
      { type: 'ACK', revision: 2 },
    ]);
    expect(errors).toEqual([]);
  });

  it('is merged where maps are, and no more than there is room for is kept', async () => {
    const { desk, show } = setup({ params: [{ pattern: '/list', strategy: 'merge' }] });
    await desk.set('/list', LARGE);
    await desk.set('/list', { more: 1 });
    expect(await show.get('/list')).toEqual({ ...LARGE, more: 1 });
    const mebibytes = 'x'.repeat(3 * 1024 * 1024);
    let refused: unknown;
    let kept = 0;
    for (; kept < 40 && !refused; kept++) {
      desk.set(`/large/${kept}`, mebibytes).subscribe({ error: (reason) => (refused = reason) });
    }
    expect(kept).toBe(22);
    expect(refused).toMatchObject({ code: 503, address: '/large/21' });
    await desk.set('/large/0', 'short');
    await desk.set('/large/21', mebibytes);
  });
});

describe('a tag', () => {
  it('tells whose a param or event is to those in the process, and to nobody else', async () => {
    const { desk, heard, far } = setup();
    const [first, second] = [nextTag(), nextTag()];
    await desk.set('/a', 'same', { tag: first });
    await desk.set('/a', 'same');
    await desk.emit('/go', 'same', { tag: second });
    const seen = heard.map(({ kind, tag, ...rest }) => [kind, tag, (rest as { value?: Value }).value]);
    expect(seen).toEqual([
      ['param', first, 'same'],
      ['param', undefined, 'same'],
      ['event', second, 'same'],
    ]);
    const told = far.take();
    expect(told.map(({ type }) => type)).toEqual(['SET', 'SET', 'PUBLISH']);
    expect(JSON.stringify(told)).not.toContain('tag');
  });
});

describe('the greeting', () => {
  it('brings all params to who says nothing else, none to who wants none, nothing at all within the process', async () => {
    const { desk, connect, accept, relay } = setup();
    await desk.set('/a', 1);
    const greet = (features: readonly string[]) => {
      const peer = connect();
      peer.send({ type: 'HELLO', version: 1, name: 'peer', features });
      return peer.take().slice(1);
    };
    expect(greet(['param'])).toMatchObject([{ type: 'SNAPSHOT', params: [{ address: '/a' }] }]);
    expect(greet(['param', 'narrow'])).toEqual([{ type: 'SNAPSHOT', params: [] }]);
    const inside = relay.client('inside');
    expect(inside.cached('/a')).toBeUndefined();
    expect(await inside.get('/a')).toBe(1);
    expect(accept).toBeDefined();
  });
});
