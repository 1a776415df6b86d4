import { CallbackClient, type CallbackPlatform } from '../operators/client/callback-client.ts';
import type { ConnectOptions } from '../operators/client/client-builder.ts';
import { ClientBuilder } from '../operators/client/client-builder.ts';
import { clock } from './clock.ts';
import { webSocketDial } from './web-socket-dial.ts';

const platform: CallbackPlatform = { dial: webSocketDial, random: Math.random, now: clock };

/**
 * The client of `@clasp-to/core`, over WebSocket: the same methods and the same order of callbacks.
 *
 * @example
 * ```ts
 * import { Clasp } from 'clasp-rx/compat';
 *
 * const client = new Clasp('ws://localhost:7330', { name: 'desk' });
 * await client.connect();
 * client.on('/mixer/*', (value, address) => console.log(address, value));
 * client.set('/mixer/1', 0.75);
 * ```
 */
export class Clasp extends CallbackClient {
  constructor(url: string, options: ConnectOptions = {}) {
    super(url, options, platform);
  }

  /** The same as `new ClaspBuilder(url)`. */
  static builder(url: string): ClaspBuilder {
    return new ClaspBuilder(url);
  }
}

/**
 * Gathers the options of a {@link Clasp} and connects it.
 *
 * @example
 * ```ts
 * import { ClaspBuilder } from 'clasp-rx/compat';
 *
 * const client = await new ClaspBuilder('ws://localhost:7330').withName('desk').connect();
 * ```
 */
export class ClaspBuilder extends ClientBuilder<Clasp> {
  constructor(url: string) {
    super(url, (to, options) => new Clasp(to, options));
  }
}
