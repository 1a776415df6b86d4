import { connect, type Socket } from 'node:net';
import { generate, type Packet, parser } from 'mqtt-packet';
import { open } from './mqtt-bridge-rig.ts';

/** A peer that speaks bare MQTT: what it sends is what you say, what it got you can read. */
export class MqttPeerScript {
  readonly received: Packet[] = [];
  closed = false;
  readonly #socket: Socket;
  readonly #version: 4 | 5;

  private constructor(socket: Socket, version: 4 | 5) {
    this.#socket = socket;
    this.#version = version;
    const reading = parser({ protocolVersion: version });
    reading.on('packet', (packet) => this.received.push(packet));
    reading.on('error', () => undefined);
    socket.on('data', (bytes) => reading.parse(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
    open.push(() => socket.destroy());
  }

  static connect(port: number, version: 4 | 5): Promise<MqttPeerScript> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new MqttPeerScript(socket, version)));
      socket.on('error', reject);
    });
  }

  /** Connects and says who it is. */
  static async hello(port: number, version: 4 | 5, more: object = {}): Promise<MqttPeerScript> {
    const peer = await MqttPeerScript.connect(port, version);
    peer.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      clientId: 'script',
      clean: true,
      keepalive: 0,
      ...more,
    });
    return peer;
  }

  send(packet: Packet): void {
    this.#socket.write(generate(packet, { protocolVersion: this.#version }));
  }

  /** Sends bytes as they are, however wrong. */
  sendBytes(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }
}
