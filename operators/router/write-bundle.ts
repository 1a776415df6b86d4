import type { Entry, Envelope } from './envelope.ts';
import type { ParamWriter, SavedParam } from './param-writer.ts';

interface Written {
  readonly entry: Entry;
  readonly saved: SavedParam;
}

/**
 * Writes the SETs of a bundle in order, so that each has its revision before it is told to anybody, or none: then the
 * bundle is refused for the first that was. Its other parts are told at which revision they find their param.
 */
export function writeBundle(params: ParamWriter, bundle: Envelope): void {
  const { parts } = bundle;
  const written: Written[] = [];
  // Where nothing can fail there is nothing to undo.
  const last = parts.every((part) => isCertain(params, part)) ? -1 : lastWrite(parts);
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index] as Envelope;
    const { entry } = part;
    if (!entry) continue;
    if (part.kind !== 'SET') {
      part.revision = entry.state?.revision ?? 0;
      continue;
    }
    // After the last write nothing can fail any more.
    if (index < last) written.push({ entry, saved: params.save(entry) });
    if (params.apply(part, entry)) continue;
    if (index < last) written.pop();
    for (const { entry: address, saved } of written.reverse()) params.restore(address, saved);
    if (part.error) bundle.refuse(part.error);
    return;
  }
}

function isCertain(params: ParamWriter, part: Envelope): boolean {
  return part.kind !== 'SET' || part.entry === undefined || params.isCertain(part, part.entry);
}

/** The place of the last SET; -1 where there is none. */
function lastWrite(parts: readonly Envelope[]): number {
  let index = parts.length - 1;
  while (index >= 0 && parts[index]?.kind !== 'SET') index--;
  return index;
}
