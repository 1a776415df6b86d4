import { createClient } from 'clasp-rx';
import { broadcastChannelDial } from 'clasp-rx/platform-browser';
import { showPanel } from './panel.ts';
import { showStatus } from './status.ts';

const client = createClient(broadcastChannelDial({ name: 'clasp-tab-relay' }), { name: 'another tab' });
showStatus(client, document.querySelector('#status') as HTMLElement);
showPanel(client, document.querySelector('#panel') as HTMLElement);
