// Our relay, as an application would start it: the listener and the router, nothing tuned for the bench.
import { router } from '../../dist/operators/index.js';
import { webSocketListener } from '../../dist/platform-node/index.js';
import { listening } from './parent.mjs';

webSocketListener({ host: '127.0.0.1', port: 0, onListening: ({ port }) => listening(port) })
  .pipe(router())
  .subscribe({
    error: (error) => {
      console.error(error);
      process.exit(1);
    },
  });
