// A bare echo whose replies of one turn leave in one write: what `ws` can do at most, with no protocol.
import { WebSocketServer } from 'ws';
import { listening } from './parent.mjs';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => listening(server.address().port));

server.on('connection', (socket, request) => {
  const wire = request.socket;
  let corked = false;
  const uncork = () => {
    corked = false;
    wire.uncork();
  };
  socket.on('error', (error) => console.error(error.message));
  socket.on('message', (data) => {
    if (!corked) {
      corked = true;
      wire.cork();
      setImmediate(uncork);
    }
    socket.send(data);
  });
});
