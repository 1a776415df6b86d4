import type { Emitter } from '../../core/emitter.ts';
import type { ClaspError } from '../../core/errors.ts';
import type { RelayMessage } from '../../core/wire/client-decode.ts';
import { encodeClientMessage } from '../../core/wire/client-encode.ts';
import type { ClientRequests } from './client-requests.ts';
import { relayError } from './client-session.ts';
import { signalOf } from './client-signal.ts';
import type { ClientSubscriptions } from './client-subscriptions.ts';
import type { RelayClock } from './relay-clock.ts';

/** The parts of a client that messages are for. */
export interface ClientParts {
  readonly subscriptions: ClientSubscriptions;
  readonly requests: ClientRequests;
  readonly clock: RelayClock;
  readonly errors: Emitter<ClaspError>;
  readonly answer: (frame: Uint8Array) => void;
}

/** Brings a message of the relay to where it belongs. `timestamp` is that of its frame. False when it meant nothing. */
export function receive(message: RelayMessage, timestamp: number | undefined, to: ClientParts): boolean {
  const { subscriptions, requests, clock, errors, answer } = to;
  switch (message.type) {
    case 'SET':
    case 'PUBLISH':
      subscriptions.deliver(signalOf(message, timestamp));
      break;
    case 'BUNDLE':
      for (const inner of message.messages) receive(inner as RelayMessage, timestamp, to);
      break;
    case 'SNAPSHOT':
      for (const state of message.params) {
        subscriptions.deliverState(state);
        requests.told(state);
      }
      break;
    case 'ACK':
      if (message.correlationId !== undefined || !requests.acknowledged(message)) subscriptions.acknowledged(message);
      break;
    case 'ERROR': {
      const error = relayError(message);
      errors.next(error);
      if (message.correlationId !== undefined) subscriptions.refused(message.correlationId, error);
      else if (message.address !== undefined) requests.refused(message.address, error);
      break;
    }
    case 'SYNC':
      // It was asked before everything else in this session.
      subscriptions.greeted();
      return clock.answered(message);
    case 'RESULT':
      requests.found(message.signals);
      break;
    case 'PING':
      answer(encodeClientMessage({ type: 'PONG' }));
      break;
    case 'PONG':
      requests.foundAll();
      break;
  }
  return true;
}
