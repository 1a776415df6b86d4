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
  const written: Written[] = [];
  for (const part of bundle.parts) {
    const { entry } = part;
    if (!entry) continue;
    if (part.kind !== 'SET') {
      part.revision = entry.state?.revision ?? 0;
      continue;
    }
    const saved = params.save(entry);
    if (params.apply(part, entry)) {
      written.push({ entry, saved });
      continue;
    }
    for (const last of written.reverse()) params.restore(last.entry, last.saved);
    if (part.error) bundle.refuse(part.error);
    return;
  }
}
