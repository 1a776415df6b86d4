import { describe, expect, it, vi } from 'vitest';
import { AddressTable } from '../../core/address/address-table.ts';
import { memoryPair } from '../../core/connection/memory-pair.ts';
import type { StoredParam } from '../../core/param/param.ts';
import { ParamStore } from '../../core/param/param-store.ts';
import { decodeFrame, encodeSet } from '../../core/wire/index.ts';
import { ParamWriter, writeBundle } from './conflict-merge.ts';
import { Envelope } from './envelope.ts';
import { Session } from './session-state.ts';

/** How often the state of a param is remembered while a bundle is written, of three that write the same ones. */
function remembered(maxParams: number): number[] {
  const table = new AddressTable<StoredParam>();
  const store = new ParamStore(table, { maxParams });
  const writer = new ParamWriter(store);
  const save = vi.spyOn(store, 'save');
  const [connection] = memoryPair();
  const limits = { hardBytes: 1000, softBytes: 1000 };
  const session = new Session('1', connection, undefined, 0, limits, () => undefined);
  return [1, 2, 3].map((value) => {
    save.mockClear();
    const bundle = new Envelope('BUNDLE', session, undefined, undefined, value);
    bundle.parts = ['/a', '/b', '/c'].map((address) => {
      return new Envelope('SET', session, decodeFrame(encodeSet(address, value)), table.internString(address), value);
    });
    writeBundle(writer, bundle);
    expect(bundle.parts.map(({ revision }) => revision)).toEqual([value, value, value]);
    return save.mock.calls.length;
  });
}

describe('writing a bundle', () => {
  it('remembers what was there only where one of its writes may be refused', () => {
    expect(remembered(0)).toEqual([0, 0, 0]);
    expect(remembered(10)).toEqual([2, 2, 2]);
  });
});
