import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findOscQueryNode, type OscQueryEntry, oscQueryTree } from './osc-query.ts';

const node = (entry: Partial<OscQueryEntry>) =>
  findOscQueryNode(oscQueryTree([{ address: '/osc/a', type: 'param', ...entry }]), '/a');

describe('a node of OSCQuery', () => {
  it('has the type that was announced, also once there is a value', () => {
    expect(node({ datatype: 'int32' })).toMatchObject({ TYPE: 'i' });
    expect(node({ datatype: 'int32', value: 5 })).toMatchObject({ TYPE: 'i', VALUE: [5] });
    expect(node({ datatype: 'double', value: [0.5, 1] })).toMatchObject({ TYPE: 'dd', VALUE: [0.5, 1] });
    expect(node({ datatype: 'float', value: 5, tags: ['i'] })).toMatchObject({ TYPE: 'f', VALUE: [5] });
    expect(node({ datatype: 'bool', value: false })).toMatchObject({ TYPE: 'F', VALUE: [false] });
    expect(node({ datatype: 'int32', value: [] })).toMatchObject({ TYPE: 'i' });
    expect(node({ datatype: 'constructor' })).toMatchObject({ TYPE: 'N' });
    // What is no such thing is told as what it is.
    expect(node({ datatype: 'int32', value: 0.5 })).toMatchObject({ TYPE: 'f', VALUE: [0.5] });
    expect(node({ datatype: 'int32', value: 'five' })).toMatchObject({ TYPE: 's', VALUE: ['five'] });
  });

  it('has the type that was last received, where none was announced', () => {
    expect(node({ value: 5, tags: ['i'] })).toMatchObject({ TYPE: 'i', VALUE: [5] });
    expect(node({ value: 5, tags: ['i'], datatype: 'fader' })).toMatchObject({ TYPE: 'i', VALUE: [5] });
    expect(node({ value: [1, 2], tags: ['i', 'h'] })).toMatchObject({ TYPE: 'ih' });
    expect(node({ value: 1_000_000, tags: ['t'] })).toMatchObject({ TYPE: 't', VALUE: [1_000_000] });
    expect(node({ tags: ['i'] })).toMatchObject({ TYPE: 'i' });
    expect(node({ value: 5 })).toMatchObject({ TYPE: 'f', VALUE: [5] });
    expect(node({})).toMatchObject({ TYPE: 'N' });
  });

  it('has a value where it may be read, and only there', () => {
    const access = fc.constantFrom('read', 'write', 'both', 'r', 'w', 'rw', undefined);
    const type = fc.constantFrom('param', 'event', 'stream');
    fc.assert(
      fc.property(access, type, fc.constantFrom('int32', 'float', undefined), (...[may, kind, datatype]) => {
        const { ACCESS = 0, VALUE, TYPE } = node({ access: may, type: kind, datatype, value: 1 }) ?? {};
        expect(VALUE).toEqual(ACCESS === 2 ? undefined : [1]);
        expect(TYPE).toBe(datatype === 'int32' ? 'i' : 'f');
      }),
    );
    expect(node({ access: 'write', value: 1 })?.ACCESS).toBe(2);
  });
});
