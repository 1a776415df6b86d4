import { summary } from './statistics.mjs';

const number = (value) => {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  if (size >= 1e3) return `${(value / 1e3).toFixed(2)} k`;
  if (size >= 100) return value.toFixed(0);
  return size >= 10 ? value.toFixed(1) : value.toFixed(size >= 1 ? 2 : 3);
};

/** Accepts a number, a list of rounds, or a summary. */
const asCell = (value) => {
  if (typeof value === 'number') return { median: value, min: value, max: value };
  return Array.isArray(value) ? summary(value) : value;
};

const shown = (cell) => {
  if (cell === undefined) return '';
  if (cell.error) return 'failed';
  const range = cell.min === cell.max ? '' : ` (${number(cell.min)}–${number(cell.max)})`;
  return `${number(cell.median)}${range}`;
};

const ratioOf = (ours, peer) => (ours?.median > 0 && peer?.median > 0 ? ours.median / peer.median : undefined);
const ratioShown = (ratio) => (ratio === undefined ? '' : `${ratio >= 10 ? ratio.toFixed(0) : ratio.toFixed(2)}×`);

/** Fills in what can be worked out: ratios, and whether the row's bars are met. */
export function finishRow(row) {
  const ours = asCell(row.ours);
  const peers = Object.fromEntries(Object.entries(row.peers ?? {}).map(([name, value]) => [name, asCell(value)]));
  const ratios = Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, ratioOf(ours, peer)]));
  const verdicts = [];
  for (const [name, atLeast] of Object.entries(row.bars ?? {})) {
    if (ratios[name] !== undefined) verdicts.push({ bar: `≥ ${atLeast} × ${name}`, met: ratios[name] >= atLeast });
  }
  if (row.atMost !== undefined && ours?.median !== undefined) {
    verdicts.push({ bar: `≤ ${row.atMost} ${row.unit}`, met: ours.median <= row.atMost });
  }
  return { ...row, ours, peers, ratios, verdicts };
}

const pad = (text, width) => text + ' '.repeat(Math.max(0, width - text.length));

/** The rows of one measurement as a table. */
export function renderTable(rows) {
  const lines = [];
  const names = [...new Set(rows.flatMap(({ peers }) => Object.keys(peers)))];
  const heading = ['measurement', 'unit', 'ours', ...names.flatMap((name) => [name, 'ours/peer']), 'bar'];
  const body = rows.map((row) => [
    row.name,
    row.unit ?? '',
    shown(row.ours),
    ...names.flatMap((name) => [shown(row.peers[name]), ratioShown(row.ratios[name])]),
    row.verdicts.map(({ bar, met }) => `${met ? 'met' : 'MISSED'} ${bar}`).join(', '),
  ]);
  const widths = heading.map((_, i) => Math.max(...[heading, ...body].map((cells) => cells[i].length)));
  const line = (cells) => `| ${cells.map((text, i) => pad(text, widths[i])).join(' | ')} |`;
  lines.push(line(heading), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line), '');
  for (const { name, ours, peers, note } of rows) {
    if (note) lines.push(`${name}: ${note}`);
    for (const [who, cell] of [['ours', ours], ...Object.entries(peers)]) {
      if (cell?.error) lines.push(`${name}, ${who}: ${cell.error}`);
    }
  }
  return lines.join('\n');
}
