// The two host objects that every JavaScript runtime has and the wire codec needs. Nothing else of the host is
// visible in core, operators, sources, sinks and testing: there `setTimeout`, `Buffer` and `WebSocket` are type errors.
declare class TextEncoder {
  encode(text: string): Uint8Array;
  encodeInto(text: string, into: Uint8Array): { read: number; written: number };
}
declare class TextDecoder {
  constructor(label?: 'utf-8', options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes: Uint8Array): string;
}
