// The laws of a bridge, for those of levels: over loopback, and over a pair of pseudo terminals.
import { describe, expect, it, vi } from 'vitest';
import type { Client } from '../../core/client/client.ts';
import type { DatagramSocket } from '../../core/connection/datagram.ts';
import { encodeArtDmx, parseArtNet } from '../../core/protocols/artnet/artnet.ts';
import { encodeSacnData, parseSacn } from '../../core/protocols/sacn/sacn.ts';
import { type BridgeRig, bridgeContract } from '../../testing/bridge-contract.ts';
import { udpSocket } from '../udp.ts';
import { artnetBridge } from './artnet-bridge.ts';
import { sacnBridge } from './sacn-bridge.ts';

/** Levels as they are shown: each that differs from what was shown there before, as `universe/channel level`. */
class Shown {
  readonly effects: string[] = [];
  readonly #levels = new Map<string, number>();

  show(universe: number, levels: Uint8Array): void {
    for (const [index, level] of levels.entries()) {
      const channel = `${universe}/${index + 1}`;
      if (level === (this.#levels.get(channel) ?? 0)) continue;
      this.#levels.set(channel, level);
      this.effects.push(`${channel} ${level}`);
    }
  }

  /** It shows nothing any more. */
  forget(): void {
    this.#levels.clear();
  }
}

/** What tells the bridges of Art-Net and of sACN apart. */
interface Network {
  readonly namespace: string;
  readonly open: (client: Client, target: string) => BridgeRig['bridge'];
  readonly encode: (universe: number, levels: Uint8Array) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => { readonly universe: number; readonly levels: Uint8Array } | undefined;
}

/** Sockets of this process. */
const sockets = () => process.getActiveResourcesInfo().filter((resource) => /udp/i.test(resource)).length;

/** A node on loopback: universe 2 comes from it, universe 1 goes to it. */
async function node({ namespace, open, encode, decode }: Network, client: Client): Promise<BridgeRig> {
  const shown = new Shown();
  const levels = new Uint8Array(16);
  let reflectsTo: string | undefined;
  let close = () => undefined as unknown;
  const socket = await new Promise<DatagramSocket>((resolve, reject) => {
    const bound = udpSocket({ listen: '127.0.0.1:0' }).subscribe({ next: resolve, error: reject });
    close = () => bound.unsubscribe();
  });
  socket.incoming.subscribe(({ bytes }) => {
    const frame = decode(bytes);
    if (frame === undefined) return;
    shown.show(frame.universe, frame.levels);
    if (reflectsTo !== undefined) socket.send(encode(frame.universe, frame.levels.slice()), reflectsTo);
  });
  const before = sockets();
  return {
    bridge: open(client, socket.address),
    namespace,
    opened: () => sockets() - before,
    say(n, address) {
      levels[n] = n + 1;
      socket.send(encode(2, levels.slice()), address);
      return { kind: 'param', address: `${namespace}/2/${n + 1}`, value: n + 1 };
    },
    carried: (n) => ({
      signal: { kind: 'param', address: `${namespace}/1/${n + 1}`, value: n + 10 },
      effect: `1/${n + 1} ${n + 10}`,
    }),
    effects: () => shown.effects,
    babble: (address) => socket.send(encode(2, levels).slice(0, 17), address),
    refused: { kind: 'param', address: `${namespace}/1/513`, value: 1 },
    reflect: (address) => {
      reflectsTo = address;
    },
    // A socket is closed a turn later; the next rig counts those that are left.
    close: async () => {
      close();
      await vi.waitFor(() => expect(sockets()).toBeLessThan(before), { timeout: 20_000, interval: 5 });
    },
  };
}

const artnet: Network = {
  namespace: '/artnet',
  open: (client, target) =>
    artnetBridge(client, {
      listen: '127.0.0.1:0',
      targets: [target],
      universes: [1, 2],
      keepAlive: 50,
      discover: false,
    }),
  encode: (universe, levels) => encodeArtDmx({ universe, levels }),
  decode: (bytes) => {
    const packet = parseArtNet(bytes);
    return 'op' in packet && packet.op === 'dmx' ? packet : undefined;
  },
};

function sacn(): Network {
  const cid = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
  let sequence = 0;
  return {
    namespace: '/sacn',
    open: (client, target) =>
      sacnBridge(client, { listen: '127.0.0.1:0', targets: [target], universes: [1, 2], keepAlive: 50 }),
    encode: (universe, levels) => encodeSacnData({ cid, universe, levels, sequence: sequence++ & 255 }),
    decode: (bytes) => {
      const packet = parseSacn(bytes);
      return 'type' in packet && packet.type === 'data' && !packet.terminated ? packet : undefined;
    },
  };
}

const over = { describe, it, loses: false, settle: 150 };
bridgeContract('artnetBridge', (client) => node(artnet, client), over);
bridgeContract('sacnBridge', (client) => node(sacn(), client), over);
