// A bare `ws` server that hears its clients and does nothing: what a connection costs before any protocol.
import { WebSocketServer } from 'ws';
import { listening } from './parent.mjs';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => listening(server.address().port));

let heard = 0;
server.on('connection', (socket) => {
  socket.on('error', (error) => console.error(error.message));
  socket.on('message', () => heard++);
});
