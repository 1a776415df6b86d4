import type { ParamState } from '../../core/message.ts';
import type { Value } from '../../core/value.ts';
import { isMap } from '../../core/wire/client-encode.ts';

/**
 * The newest param of each address that a client has seen. Deleted ones are not kept.
 *
 * What was seen in an earlier session is kept apart: revisions of different sessions cannot be compared, since the
 * relay may have restarted, and what does not come up again is gone.
 */
export class ClientParams {
  readonly #current = new Map<string, ParamState>();
  readonly #earlier = new Map<string, ParamState>();

  /** A new session has begun. */
  begin(): void {
    for (const [address, state] of this.#current) this.#earlier.set(address, state);
    this.#current.clear();
  }

  /** The newest state, of whatever session. */
  get(address: string): ParamState | undefined {
    return this.#current.get(address) ?? this.#earlier.get(address);
  }

  /** The state, if it was seen in this session. */
  current(address: string): ParamState | undefined {
    return this.#current.get(address);
  }

  /** Keeps a state; null forgets it. */
  put(state: ParamState): void {
    this.#earlier.delete(state.address);
    if (state.value === null) this.#current.delete(state.address);
    else this.#current.set(state.address, state);
  }

  /**
   * Takes over a write that the relay accepted where something older is known. Where nothing is, nobody listens, and what
   * others write later would not be heard either.
   */
  written(address: string, value: Value, revision: number): void {
    const known = this.#current.get(address);
    if (!known || revision <= known.revision) return;
    // The relay may have merged a map into what was there: then nothing is known until it says so.
    this.put({ address, value: isMap(value) ? null : value, revision });
  }

  /** Every address that is known. */
  addresses(): string[] {
    return [...this.#earlier.keys(), ...this.#current.keys()];
  }

  /** Addresses that were seen in an earlier session and not in this one. */
  missing(): Iterable<string> {
    return this.#earlier.keys();
  }

  forgetMissing(): void {
    this.#earlier.clear();
  }
}
