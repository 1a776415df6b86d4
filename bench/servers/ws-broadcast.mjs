// The bare broadcast that the `ws` documentation shows: what comes in goes to every other client.
import { WebSocket, WebSocketServer } from 'ws';
import { listening } from './parent.mjs';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false }, () =>
  listening(server.address().port),
);

server.on('connection', (socket) => {
  socket.on('error', (error) => console.error(error.message));
  socket.on('message', (data, isBinary) => {
    for (const client of server.clients) {
      if (client !== socket && client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
    }
  });
});
