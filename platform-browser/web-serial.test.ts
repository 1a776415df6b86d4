import { NEVER, type Subscription } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BridgeEvent } from '../core/client/client.ts';
import type { BytePort } from '../core/connection/byte-port.ts';
import { EnttecParser, encodeEnttec } from '../core/protocols/dmx/enttec.ts';
import { router } from '../operators/router/router.ts';
import { dmxBridge } from './dmx-bridge.ts';
import { type WebSerialPortLike, webSerialPort } from './web-serial.ts';

const open: Subscription[] = [];
afterEach(() => {
  for (const each of open.splice(0).reverse()) each.unsubscribe();
});

/** A port as Web Serial has it: opened anew it has new streams, and streams that are held cannot be closed under it. */
class FakePort implements WebSerialPortLike {
  readable: ReadableStream<Uint8Array> | null = null;
  writable: WritableStream<Uint8Array> | null = null;
  readonly written: Uint8Array[] = [];
  readonly signals: boolean[] = [];
  opened: object | undefined;
  broken = false;
  #device: ReadableStreamDefaultController<Uint8Array> | undefined;

  async open(options: object): Promise<void> {
    if (this.broken) throw new Error('no device');
    if (this.opened) throw new Error('already open');
    this.opened = options;
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#device = controller;
      },
    });
    this.writable = new WritableStream({
      write: (bytes) => {
        if (this.broken) throw new Error('The device has been lost.');
        this.written.push(bytes);
      },
    });
  }
  async setSignals(signals: { break?: boolean }): Promise<void> {
    this.signals.push(signals.break ?? false);
  }
  getInfo() {
    return { usbVendorId: 0x0403, usbProductId: 0x6001 };
  }
  async close(): Promise<void> {
    if (this.readable?.locked || this.writable?.locked) throw new Error('Cannot close a locked stream');
    this.opened = undefined;
  }
  send(bytes: Uint8Array): void {
    this.#device?.enqueue(bytes);
  }
  pullOut(): void {
    this.broken = true;
    this.#device?.error(new Error('The device has been lost.'));
  }
}

describe('webSerialPort', () => {
  it('passes bytes both ways, and closes the port', async () => {
    const fake = new FakePort();
    const received: number[] = [];
    let port: BytePort | undefined;
    const running = webSerialPort(fake, { baudRate: 250_000, stopBits: 2 }).subscribe((opened) => {
      port = opened;
      opened.incoming.subscribe((bytes) => received.push(...bytes));
    });
    await vi.waitFor(() => expect(port?.name).toBe('usb 0403:6001'));
    expect(fake.opened).toMatchObject({ baudRate: 250_000, stopBits: 2 });
    fake.send(Uint8Array.of(1, 2));
    port?.write(Uint8Array.of(3));
    port?.setBreak(true, () => received.push(99));
    await vi.waitFor(() =>
      expect([received, fake.written, fake.signals]).toEqual([[1, 2, 99], [Uint8Array.of(3)], [true]]),
    );
    running.unsubscribe();
    await vi.waitFor(() => expect(fake.opened).toBeUndefined());
  });

  it('errors when the device cannot be opened, or is pulled out, and frees it', async () => {
    const fake = new FakePort();
    const errors: string[] = [];
    webSerialPort(fake, { name: 'pro' }).subscribe({ error: ({ message }) => errors.push(message) });
    await vi.waitFor(() => expect(fake.readable).not.toBeNull());
    fake.pullOut();
    await vi.waitFor(() => expect(errors.length).toBe(1));
    expect(errors[0]).toContain('serial port pro cannot be opened, or was pulled out: The device has been lost.');
    await vi.waitFor(() => expect(fake.opened).toBeUndefined());
    webSerialPort(fake).subscribe({ error: ({ code }) => errors.push(`${code}`) });
    await vi.waitFor(() => expect(errors[1]).toBe('500'));
  });
});

describe('dmxBridge over Web Serial', () => {
  it('drives a widget, and gives it the state when it returns', async () => {
    const relay = router();
    open.push(relay(NEVER).subscribe());
    const app = relay.client('app');
    await app.set('/dmx/1', 50);
    const fake = new FakePort();
    const events: BridgeEvent[] = [];
    const options = { port: fake, reconnect: { initial: 10, max: 20 } };
    open.push(dmxBridge(relay.client('dimmers'), options).subscribe((event) => events.push(event)));
    const shown = () => {
      const frames: Uint8Array[] = [];
      const parser = new EnttecParser();
      for (const bytes of fake.written) parser.push(bytes, ({ label, data }) => label === 6 && frames.push(data));
      return frames.at(-1)?.[1];
    };
    await vi.waitFor(() => expect(shown()).toBe(50));
    fake.send(encodeEnttec(10, Uint8Array.of(1, 0, 0, 0)));
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ devices: ['ENTTEC DMX USB Pro 00000001'] }));
    fake.pullOut();
    await vi.waitFor(() => expect(events.at(-1)?.type).toBe('retrying'));
    app.set('/dmx/1', 60);
    fake.broken = false;
    await vi.waitFor(() => expect(shown()).toBe(60));
  });

  it('writes what a widget receives', async () => {
    const relay = router();
    open.push(relay(NEVER).subscribe());
    const fake = new FakePort();
    open.push(dmxBridge(relay.client('desk'), { port: fake, direction: 'in' }).subscribe());
    await vi.waitFor(() => expect(fake.written.some((bytes) => bytes[1] === 8)).toBe(true));
    fake.send(encodeEnttec(5, Uint8Array.of(0, 0, 0, 88)));
    await vi.waitFor(async () => expect(await relay.client('app').get('/dmx/2')).toBe(88));
  });
});
