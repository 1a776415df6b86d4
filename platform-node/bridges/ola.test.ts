import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type BridgeProcess, bridgeProcess } from '../../peers/bridge-process.ts';
import { installed } from '../../peers/installed.ts';
import { mayMakeNamespaces, Ola } from '../../peers/ola.ts';

const patience = { timeout: 20_000, interval: 100 };
const available = installed('olad') && installed('ip') && installed('curl') && mayMakeNamespaces();

describe.skipIf(!available)('OLA', () => {
  let ola: Ola;
  const running: BridgeProcess[] = [];
  beforeAll(async () => {
    ola = await Ola.start();
    // OLA's Art-Net ports of universes 0–15 have the number of the universe they are patched to.
    ola.patch('artnet', 'in', 0, 1);
    ola.patch('artnet', 'out', 0, 2);
    ola.patch('sacn', 'in', 0, 11);
    ola.patch('sacn', 'out', 0, 12);
  });
  afterEach(async () => {
    for (const each of running.splice(0)) await each.close();
  });
  afterAll(() => ola.close());

  const bridge = async (
    entry: { readonly type: string } & Record<string, unknown>,
    namespace = ola.network.near,
  ): Promise<BridgeProcess> => {
    const started = await bridgeProcess([entry], namespace);
    running.push(started);
    await vi.waitFor(() => expect(started.lines.map(({ type }) => type)).toContain('ready'), patience);
    return started;
  };
  const shows = (universe: number, ...levels: number[]) =>
    vi.waitFor(() => expect(ola.levels(universe).slice(0, levels.length)).toEqual(levels), patience);
  const devices = ({ lines }: BridgeProcess) =>
    lines.flatMap((line) => (line.type === 'devices' ? [line.devices] : [])).at(-1);

  it('is found over Art-Net, shows what is set, and what it sends is set', async () => {
    const rig = await bridge({ type: 'artnet', universes: [1, 2], interface: ola.network.interface });
    await vi.waitFor(() => expect(devices(rig)).toEqual(['OLA - ArtNet node (10.99.0.2)']), patience);
    rig.set('/artnet/1/1', 255);
    rig.set('/artnet/1/3', 99.6);
    await shows(1, 255, 0, 100);

    // OLA sends only to nodes that answered its ArtPoll.
    await vi.waitFor(() => {
      ola.set(2, 10, 20, 30);
      expect([1, 2, 3].map((channel) => rig.value(`/artnet/2/${channel}`))).toEqual([10, 20, 30]);
    }, patience);
    ola.set(2, 10, 0, 31);
    await vi.waitFor(() => expect([rig.value('/artnet/2/2'), rig.value('/artnet/2/3')]).toEqual([0, 31]), patience);
  });

  it('shows what is broadcast, where it has not been looked for', async () => {
    const rig = await bridge({ type: 'artnet', universes: [1], interface: '10.99.0.0/24', listen: false });
    rig.set('/artnet/1/1', 7);
    await shows(1, 7);
  });

  it('shows what is sent to it alone, and gives whole frames, over Art-Net', async () => {
    const rig = await bridge({
      type: 'artnet',
      universes: [1, 2],
      targets: ['10.99.0.2'],
      mode: 'universe',
      sync: true,
    });
    rig.set('/artnet/1', [1, 2, 3]);
    await shows(1, 1, 2, 3);
    await vi.waitFor(() => {
      ola.set(2, 4, 5, 6);
      expect((rig.value('/artnet/2') as number[] | undefined)?.slice(0, 3)).toEqual([4, 5, 6]);
    }, patience);
  });

  it('shows what a bridge on the same machine sends, where that has an address of its own', async () => {
    const entry = { type: 'artnet', universes: [1], listen: '127.0.0.2:6454', targets: ['127.0.0.1'] };
    const rig = await bridge(entry, ola.network.far);
    rig.set('/artnet/1/1', 99);
    await shows(1, 99);
  });

  it('tells the time over Art-Net, and understands a value of 16 bits as its two channels', async () => {
    const rig = await bridge({
      type: 'artnet',
      universes: [1],
      interface: ola.network.interface,
      targets: ['10.99.0.2'],
      pairs: [{ universe: 1, coarse: 5, fine: 7 }],
    });
    await vi.waitFor(() => {
      ola.timeCode('01:02:03:04');
      expect(rig.value('/artnet/timecode')).toEqual([1, 2, 3, 4, 25]);
    }, patience);
    rig.set('/artnet/1/5', 0x1234);
    await vi.waitFor(() => expect(ola.levels(1).slice(4, 7)).toEqual([0x12, 0, 0x34]), patience);
  });

  it('is heard on the last of 40 universes, more than one socket may join', async () => {
    const universes = Array.from({ length: 40 }, (_, i) => i + 12).reverse();
    const wash = await bridge({ type: 'sacn', universes, interface: ola.network.interface });
    await vi.waitFor(() => {
      ola.set(12, 41, 51);
      expect([1, 2].map((c) => wash.value(`/sacn/12/${c}`))).toEqual([41, 51]);
    }, patience);
  });

  it('shows and sets over sACN multicast, and is listed as a source', async () => {
    const wash = await bridge({
      type: 'sacn',
      universes: [11, 12],
      interface: ola.network.interface,
      // OLA passes over packets of other start codes, as it should.
      channelPriorities: true,
    });
    wash.set('/sacn/11/1', 200);
    wash.set('/sacn/11/512', 5);
    await shows(11, 200, 0);
    await vi.waitFor(() => expect(ola.levels(11)[511]).toBe(5), patience);
    ola.set(12, 40, 50);
    await vi.waitFor(() => expect([1, 2].map((c) => wash.value(`/sacn/12/${c}`))).toEqual([40, 50]), patience);
    await vi.waitFor(() => expect(devices(wash)?.join()).toContain('(10.99.0.2)'), patience);
  });

  it('shows the higher priority of two sources, and the lower one at once when that leaves', async () => {
    const low = await bridge({ type: 'sacn', universes: [11], interface: '10.99.0.1', priority: 90, listen: false });
    low.set('/sacn/11/1', 10);
    await shows(11, 10);
    const high = await bridge({ type: 'sacn', universes: [11], interface: '10.99.0.1', priority: 150, listen: false });
    high.set('/sacn/11/1', 222);
    await shows(11, 222);
    running.splice(running.indexOf(high), 1);
    await high.close();
    await shows(11, 10);
  });
});
