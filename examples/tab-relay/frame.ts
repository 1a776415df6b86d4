import { createClient } from 'clasp-rx';
import { messagePortDial } from 'clasp-rx/platform-browser';
import { showPanel } from './panel.ts';
import { showStatus } from './status.ts';

const dial = messagePortDial({ target: window.parent, targetOrigin: location.origin });
const client = createClient(dial, { name: 'a frame' });
showStatus(client, document.querySelector('#status') as HTMLElement);
showPanel(client, document.querySelector('#panel') as HTMLElement);
