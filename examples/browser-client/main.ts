import { createClient } from 'clasp-rx';
import { webSocketDial } from 'clasp-rx/platform-browser';
import { showPanel } from '../tab-relay/panel.ts';
import { showStatus } from '../tab-relay/status.ts';

const url = new URL(location.href).searchParams.get('url') ?? 'ws://localhost:7330';
const client = createClient(webSocketDial(url), { name: 'browser page' });
showStatus(client, document.querySelector('#status') as HTMLElement);
showPanel(client, document.querySelector('#panel') as HTMLElement);
