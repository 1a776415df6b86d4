// No relay at all: what is small comes back, what is large is thrown away. What is measured through it is the machine
// and the driver, which writes as much as beside a relay.
import { createServer } from 'node:net';
import { listening } from './parent.mjs';

const SMALL = 4096;

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    if (chunk.length < SMALL) socket.write(chunk);
  });
});
server.listen(0, '127.0.0.1', () => listening(server.address().port));
