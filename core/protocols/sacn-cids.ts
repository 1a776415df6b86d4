/** More sources than this are not remembered. */
const MOST = 1_024;

/** CIDs as texts that can be compared; one that was seen before costs a lookup and a comparison. */
export class SacnCids {
  readonly #known = new Map<number, { readonly cid: Uint8Array; readonly name: string }>();

  /** The sixteen bytes in the form of a UUID. */
  name(cid: Uint8Array): string {
    const key =
      (((cid[0] as number) << 24) | ((cid[1] as number) << 16) | ((cid[2] as number) << 8)) ^ (cid[15] as number);
    const known = this.#known.get(key);
    if (known !== undefined && isSame(known.cid, cid)) return known.name;
    const hex = Array.from(cid, (byte) => byte.toString(16).padStart(2, '0')).join('');
    const name = hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(key, { cid: cid.slice(), name });
    return name;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < 16; i++) if (a[i] !== b[i]) return false;
  return true;
}
