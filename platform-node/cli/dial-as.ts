import { createClient } from '../../operators/client/client.ts';
import { clock } from '../clock.ts';
import { webSocketDial } from '../web-socket/web-socket-dial.ts';
import type { Connect } from './connect.ts';

/** Connects a command to a relay, under a name that tells which command it is. */
export const dialAs =
  (name: string, greeting = false): Connect =>
  ({ url, token }) =>
    createClient(webSocketDial(url), { name: `clasp-rx ${name}`, token, greeting, random: Math.random, now: clock });
