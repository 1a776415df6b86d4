import { type Client, checkAddress, type Value } from 'clasp-rx';

/** Shows every param of a relay as a table with faders, and lets people write them. */
export function showPanel(
  client: Client,
  into: HTMLElement,
  onCount: (params: number) => void = () => undefined,
): void {
  const table = document.createElement('table');
  table.innerHTML = '<thead><tr><th>Address</th><th class="fader"></th><th class="value">Value</th></tr></thead>';
  const rows = table.createTBody();
  const empty = document.createElement('p');
  empty.className = 'empty';
  empty.textContent = 'No params yet: add one, or move a MIDI control.';
  into.append(empty, table, addForm(client));

  const shown = new Map<
    string,
    { row: HTMLTableRowElement; slide: HTMLTableCellElement; fader: HTMLInputElement; value: HTMLTableCellElement }
  >();
  const rowOf = (address: string) => {
    const known = shown.get(address);
    if (known) return known;
    const row = document.createElement('tr');
    const fader = document.createElement('input');
    Object.assign(fader, { type: 'range', min: '0', max: '1', step: '0.01', ariaLabel: address });
    fader.addEventListener('input', () => client.set(address, Number(fader.value)));
    const [name, slide, value] = [row.insertCell(), row.insertCell(), row.insertCell()];
    name.textContent = address;
    slide.className = 'fader';
    slide.append(fader);
    value.className = 'value';
    const after = [...shown.keys()].filter((other) => other < address).length;
    rows.insertBefore(row, rows.children[after] ?? null);
    const made = { row, slide, fader, value };
    shown.set(address, made);
    return made;
  };

  client.on('/**', { types: ['param'] }).subscribe((signal) => {
    if (signal.kind !== 'param') return;
    const { address, value } = signal;
    if (value === null) {
      shown.get(address)?.row.remove();
      shown.delete(address);
    } else {
      const { row, slide, fader, value: cell } = rowOf(address);
      row.dataset['address'] = address;
      cell.textContent = text(value);
      const slides = typeof value === 'number';
      slide.hidden = !slides;
      cell.colSpan = slides ? 1 : 2;
      if (typeof value === 'number' && document.activeElement !== fader) fader.value = String(value);
    }
    empty.hidden = shown.size > 0;
    table.hidden = shown.size === 0;
    onCount(shown.size);
  });
  table.hidden = true;
}

function addForm(client: Client): HTMLFormElement {
  const form = document.createElement('form');
  form.innerHTML =
    '<input type="text" name="address" value="/light/1" aria-label="address"><input type="text" name="value" value="0.5" aria-label="value"><button>Set</button><p class="refused" role="alert"></p>';
  const refused = form.querySelector('.refused') as HTMLElement;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const data = new FormData(form);
    const raw = String(data.get('value'));
    const number = Number(raw);
    const value = raw.trim() !== '' && Number.isFinite(number) ? number : raw;
    refused.textContent = '';
    const address = String(data.get('address'));
    const fault = checkAddress(address);
    if (fault) {
      refused.textContent = fault.reason;
      return;
    }
    client.set(address, value).subscribe({
      error: (cause: { reason?: string; message: string }) => {
        refused.textContent = cause.reason ?? cause.message;
      },
    });
  });
  return form;
}

function text(value: Value): string {
  if (typeof value === 'number') return String(Math.round(value * 1000) / 1000);
  return typeof value === 'string'
    ? value
    : JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part));
}
