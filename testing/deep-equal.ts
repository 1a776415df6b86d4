/**
 * Whether two things look the same: own properties compared in depth, an absent one like an undefined one, NaN equal to
 * itself, errors by name and message, and built-in objects without properties by what they hold. What shows nothing of
 * itself, such as a Promise, is equal to itself only.
 */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Error || b instanceof Error) {
    return a instanceof Error && b instanceof Error && a.name === b.name && a.message === b.message;
  }
  const kind = kindOf(a);
  if (kind !== kindOf(b) || (Array.isArray(a) && a.length !== (b as unknown[]).length)) return false;
  const content = contentOf(a);
  if (content !== a) return deepEqual(content, contentOf(b));
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  if (keys.size === 0 && kind !== '[object Object]') return hasText(a, kind) && String(a) === String(b);
  return [...keys].every((key) => deepEqual(one[key], other[key]));
}

function kindOf(value: object): string {
  return Object.prototype.toString.call(value);
}

/** What a built-in object holds where properties do not show it; otherwise the object itself. */
function contentOf(value: object): unknown {
  if (value instanceof Map || value instanceof Set) return [...value];
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof DataView) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return AROUND_PRIMITIVES.test(kindOf(value)) ? value.valueOf() : value;
}

const AROUND_PRIMITIVES = /^\[object (Date|Number|BigInt|String|Boolean|Symbol)\]$/;

/** Whether the text of an object says what it is, as that of a RegExp or of a URL does. */
function hasText(value: object, kind: string): boolean {
  return String(value) !== kind;
}
