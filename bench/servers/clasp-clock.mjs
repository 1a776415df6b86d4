// Our relay with a clock of microseconds, as `createRelay` starts it.
import { router } from '../../dist/operators/index.js';
import { clock, collectYoung, nextTurn, webSocketListener } from '../../dist/platform-node/index.js';
import { listening } from './parent.mjs';

webSocketListener({ host: '127.0.0.1', port: 0, onListening: ({ port }) => listening(port) })
  .pipe(router({ now: clock, nextTurn, collectYoung }))
  .subscribe({
    error: (error) => {
      console.error(error);
      process.exit(1);
    },
  });
