import { compilePattern, type Pattern } from '../../core/address/pattern.ts';
import type { Scopes } from '../../core/address/scope.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { passing, type StageOperator, stage } from '../stage.ts';
import type { Envelope } from './envelope.ts';

/** Addresses that only their owner writes, whatever the scopes of others say, and without authentication too. */
export interface ReservedAddresses {
  readonly pattern: string;
  /** The owner is who has been given this very object as what it may do. */
  readonly owner: Scopes;
}

interface Reserved {
  readonly pattern: Pattern;
  readonly owner: Scopes;
}

/**
 * Refuses with a `ClaspError` 301 what somebody else than the owner writes to a reserved address: SET, PUBLISH,
 * ANNOUNCE, and a BUNDLE with one of them. Everything else passes at once, in order.
 */
export function reserveAddresses(list: readonly ReservedAddresses[]): StageOperator<Envelope> {
  if (list.length === 0) return passing();
  const reserved = list.map(({ pattern, owner }) => ({ pattern: compilePattern(pattern), owner }));
  return stage((out) => ({
    next(envelope) {
      const error = judge(envelope, reserved);
      out.next(error ? envelope.refuse(error) : envelope);
    },
  }));
}

function judge(envelope: Envelope, reserved: readonly Reserved[]): ClaspError | undefined {
  switch (envelope.kind) {
    case 'SET':
    case 'PUBLISH':
      return trespass(envelope, envelope.entry?.address ?? '', reserved);
    case 'BUNDLE':
      for (const part of envelope.parts) {
        const error = judge(part, reserved);
        if (error) return error;
      }
      return undefined;
    case 'ANNOUNCE': {
      const message = envelope.frame?.message;
      for (const { address } of message?.type === 'ANNOUNCE' ? message.signals : []) {
        const error = trespass(envelope, address, reserved);
        if (error) return error;
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

function trespass({ session }: Envelope, address: string, reserved: readonly Reserved[]): ClaspError | undefined {
  for (const { pattern, owner } of reserved) {
    if (pattern.matches(address) && session.scopes !== owner) {
      return new ClaspError(ErrorCode.Forbidden, `only the relay itself writes ${address}`, { address });
    }
  }
  return undefined;
}
