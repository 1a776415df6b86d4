import { router } from 'clasp-rx';
import { broadcastChannelListener, clock, messagePortListener, midiInputs } from 'clasp-rx/platform-browser';
import { midiSource } from 'clasp-rx/sources';
import { catchError, EMPTY, merge, switchMap } from 'rxjs';
import { showPanel } from './panel.ts';

const relay = router({ name: 'Tab relay', sessionId: () => crypto.randomUUID(), now: clock });
const tabs = broadcastChannelListener({ name: 'clasp-tab-relay' });
const frames = messagePortListener({ target: window, origin: location.origin });

const sessions = document.querySelector('#sessions') as HTMLElement;
const params = document.querySelector('#params') as HTMLElement;
const midi = document.querySelector('#midi') as HTMLElement;

relay(merge(tabs, frames)).subscribe(() => {
  // Those of this page itself are not counted.
  const { sessions: all, ownSessions } = relay.stats();
  sessions.textContent = String(all - ownSessions);
});

const page = relay.client('this page');
showPanel(page, document.querySelector('#panel') as HTMLElement, (count) => {
  params.textContent = String(count);
});

midiInputs()
  .pipe(
    catchError((error: Error) => {
      midi.textContent = error.message;
      return EMPTY;
    }),
    switchMap((inputs) => {
      midi.textContent = inputs.map(({ name }) => name).join(', ') || 'nothing plugged in';
      return merge(...inputs.map((input) => midiSource(input)));
    }),
  )
  .subscribe((signal) => {
    if (signal.kind === 'param') page.set(signal.address, signal.value);
    else if (signal.kind === 'event') page.emit(signal.address, signal.value);
  });
