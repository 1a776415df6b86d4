// A whole relay with every way in that has peers: WebSocket, JSON, HTTP, and MQTT on a port of its own.
import { createRelay } from '../../dist/platform-node/index.js';
import { answer, listening } from './parent.mjs';

const relay = createRelay({ port: 0, bridges: [{ type: 'mqtt-server', port: 0, namespace: '/bench' }] });
const { port, bridges } = await relay.ready;
answer('mqttPort', () => Number(bridges[0].address.split(':').at(-1)));
listening(port);
