import { numberIn, publishStream } from './clasp.mjs';
import { clientFrame, clientStamp, openWebSocket, serverHeader } from './web-socket.mjs';

/** The same bytes as for the relay, to a bare `ws` server that knows no protocol: it sends what it gets. */
export const ws = {
  open: openWebSocket,
  subscribe: openWebSocket,
  publish: (address, number, size = 0) => clientFrame(publishStream(address, number, size)),
  stamp: (address, size = 0) => clientStamp(publishStream(address, 0, size), numberIn('stream', address, size)),
  delivery(address, size = 0) {
    const length = publishStream(address, 0, size).length;
    const header = serverHeader(length);
    return { length: header + length, number: header + numberIn('stream', address, size) };
  },
};
