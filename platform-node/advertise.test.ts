import { Bonjour } from 'bonjour-service';
import { describe, expect, it, vi } from 'vitest';
import type { ClaspError } from '../core/errors.ts';
import { advertise, type BonjourModule } from './advertise.ts';

const SERVICE = { name: 'Venue', type: 'oscjson', protocol: 'tcp', port: 8002 } as const;

/** Options of the package's socket, which its types leave out. */
const LOOPBACK: object = { interface: '127.0.0.1', bind: '0.0.0.0' };

/** A stand-in for the package, and what was asked of it. */
function bonjour() {
  const asked: unknown[] = [];
  let fail: (cause: unknown) => void = () => undefined;
  class Bonjour {
    constructor(options: object, failed: (cause: unknown) => void) {
      asked.push(['open', options]);
      fail = failed;
    }
    publish(service: object) {
      asked.push(['publish', service]);
    }
    unpublishAll(done: () => void) {
      asked.push(['goodbye']);
      done();
    }
    destroy() {
      asked.push(['close']);
    }
  }
  const load = async (): Promise<BonjourModule> => ({ Bonjour });
  return { load, asked, fail: (cause: unknown) => fail(cause) };
}

describe('advertise', () => {
  it('publishes on the interface, and takes it back with a goodbye', async () => {
    const { load, asked, fail } = bonjour();
    const failures: ClaspError[] = [];
    const running = advertise([SERVICE], { load, interface: '127.0.0.1' }).subscribe((failure) =>
      failures.push(failure),
    );
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    expect(asked).toEqual([
      ['open', { interface: '127.0.0.1', bind: '0.0.0.0' }],
      ['publish', SERVICE],
    ]);
    fail(new Error('no network'));
    expect(failures.map(({ reason }) => reason)).toEqual(['no network']);
    running.unsubscribe();
    expect(asked.slice(2)).toEqual([['goodbye'], ['close']]);
  });

  it('opens nothing when it is unsubscribed before the package is there', async () => {
    const { load, asked } = bonjour();
    advertise([SERVICE], { load }).subscribe().unsubscribe();
    await new Promise((done) => setImmediate(done));
    expect(asked).toEqual([]);
  });

  it('tells of an interface that does not exist, and of a package that is missing', async () => {
    const failures: ClaspError[] = [];
    const hear = (failure: ClaspError) => failures.push(failure);
    advertise([SERVICE], { load: bonjour().load, interface: '203.0.113.7' }).subscribe(hear);
    const load = () => Promise.reject(new Error('not found'));
    advertise([SERVICE], { load }).subscribe(hear);
    await vi.waitFor(() => expect(failures.map(({ code }) => code)).toEqual([402, 501]));
  });

  it('is found by others on the network, and gone after its goodbye', async () => {
    const found: string[] = [];
    const browser = new Bonjour(LOOPBACK, () => undefined);
    const looking = browser.find({ type: 'oscjson' });
    looking.on('up', ({ name, port }) => found.push(`up ${name} ${port}`));
    looking.on('down', ({ name }) => found.push(`down ${name}`));
    const name = `Venue ${process.pid}`;
    const running = advertise([{ ...SERVICE, name }], { interface: '127.0.0.1' }).subscribe();
    try {
      await vi.waitFor(() => expect(found).toContain(`up ${name} 8002`), { timeout: 20_000 });
      running.unsubscribe();
      await vi.waitFor(() => expect(found).toContain(`down ${name}`), { timeout: 20_000 });
    } finally {
      running.unsubscribe();
      browser.destroy();
    }
  }, 60_000);
});
