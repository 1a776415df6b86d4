import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeSet } from './encode-signal.ts';
import { stampRevision } from './forward.ts';
import { decodeFrame, type Frame } from './frame.ts';
import { NumberSets } from './number-sets.ts';

/** Everything a frame says but where its bytes are, which may go on behind it. */
const told = (frame: Frame) => {
  const { bytes, ...fields } = frame;
  const { address, value, message } = frame;
  return { ...fields, payload: [...bytes.subarray(frame.start, frame.end)], address, value, message };
};

it('are the frames that encoding and decoding gives, one after the other', () => {
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ minLength: 200, maxLength: 300 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.double())), (sets) => {
      const numbers = new NumberSets();
      for (const [name, value] of sets) {
        const made = numbers.make(`/${name}`, value);
        const decoded = decodeFrame(encodeSet(`/${name}`, value));
        expect(told(made)).toEqual(told(decoded));
        expect(stampRevision(made, 7)).toEqual(stampRevision(decoded, 7));
      }
    }),
  );
});
