import { ClaspError, ErrorCode } from '../errors.ts';
import { checkAddress } from './address.ts';
import type { Pattern } from './pattern.ts';
import { SegmentKind } from './pattern.ts';

/** Makes addresses of what the wildcards of a pattern stood for. */
export interface AddressTemplate {
  /** As it was written. */
  readonly source: string;
  /** Whether it names a capture, so that addresses differ. */
  readonly varies: boolean;
  /** The address for these captures. It may still be no valid one: too long, or empty. */
  fill(captures: readonly string[]): string;
}

/** How many captures a pattern gives: one for each `*` and `**`. */
export function captureCount(pattern: Pattern): number {
  let count = 0;
  for (const { kind, middle } of pattern.segments) {
    if (kind === SegmentKind.Literal) continue;
    count += kind === SegmentKind.Partial ? middle.length + 1 : 1;
  }
  return count;
}

/**
 * Reads an address in which `$1`, `$2` … stand for what the first, second … wildcard of `from` stood for: `*` and `**`
 * alike, `**` with its slashes. Where a `**` stood for nothing, its slash goes with it.
 *
 * Throws a `ClaspError` with code 200 when it is no address, and 402 when it names a capture that `from` does not have.
 */
export function addressTemplate(template: string, from: Pattern): AddressTemplate {
  const available = captureCount(from);
  // Odd places hold the numbers of captures.
  const parts = template.split(/\$(\d+)/);
  for (let i = 1; i < parts.length; i += 2) {
    const number = Number(parts[i]);
    if (number >= 1 && number <= available) continue;
    const has = available === 0 ? 'has no wildcard' : `has ${available} of them`;
    throw new ClaspError(
      ErrorCode.BadValue,
      `$${parts[i]} names a wildcard that ${from.source} does not have: it ${has}`,
      {
        value: template,
      },
    );
  }
  const fault = checkAddress(parts.map((part, index) => (index % 2 === 0 ? part : 'x')).join(''));
  if (fault) throw new ClaspError(fault.code, fault.reason, { value: template });

  const fill = (captures: readonly string[]) => {
    let address = '';
    for (const [index, part] of parts.entries()) address += index % 2 === 0 ? part : captures[Number(part) - 1];
    return captures.includes('') ? withoutEmpty(address) : address;
  };
  const varies = parts.length > 1;
  return { source: template, varies, fill: varies ? fill : () => template };
}

function withoutEmpty(address: string): string {
  const segments = address.split('/').filter((segment) => segment !== '');
  return `/${segments.join('/')}`;
}
