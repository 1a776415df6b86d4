import { checkAddress } from '../../core/address/address.ts';
import { checkPattern } from '../../core/address/pattern.ts';
import type { ScopeAction } from '../../core/address/scope.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { type StageOperator, stage } from '../stage.ts';
import type { Envelope } from './envelope.ts';
import { isScheduleAddress } from './schedule-bundles.ts';

/**
 * Refuses what the sender's scopes do not permit with a `ClaspError` 301, and before that bad patterns with 202 and bad
 * addresses of an ANNOUNCE, which nobody has checked yet, with 200: SET, PUBLISH and ANNOUNCE need write on the address, a
 * BUNDLE on each of its addresses, GET needs read, and a pattern (SUBSCRIBE, QUERY, REPLAY) must overlap what may be
 * read; what is then delivered is filtered again per address. Everything else passes at once, in order.
 */
export function scopeFilter(): StageOperator<Envelope> {
  return stage((out) => ({
    next(envelope) {
      const error = judge(envelope);
      out.next(error ? envelope.refuse(error) : envelope);
    },
  }));
}

function judge(envelope: Envelope): ClaspError | undefined {
  switch (envelope.kind) {
    case 'SET': {
      const error = needs(envelope, 'write', envelope.entry?.address ?? '');
      // Whoever scheduled a bundle may cancel it: `scheduleBundles` knows who did.
      return error && isScheduleAddress(envelope.entry?.address ?? '') ? undefined : error;
    }
    case 'PUBLISH':
      return needs(envelope, 'write', envelope.entry?.address ?? '');
    case 'BUNDLE':
      for (const part of envelope.parts) {
        const error = judge(part);
        if (error) return error;
      }
      return undefined;
    case 'GET':
      return needs(envelope, 'read', envelope.entry?.address ?? '');
    case 'SUBSCRIBE':
    case 'QUERY':
    case 'REPLAY':
      return overlaps(envelope, envelope.frame?.address ?? '');
    case 'ANNOUNCE': {
      const message = envelope.frame?.message;
      const signals = message?.type === 'ANNOUNCE' ? message.signals : [];
      for (const { address } of signals) {
        const bad = checkAddress(address);
        if (bad) return bad;
      }
      for (const { address } of signals) {
        const error = needs(envelope, 'write', address);
        if (error) return error;
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

function needs({ session }: Envelope, action: ScopeAction, address: string): ClaspError | undefined {
  if (session.scopes.allows(action, address)) return undefined;
  return new ClaspError(ErrorCode.Forbidden, `no scope permits to ${action} ${address}`, { address });
}

function overlaps({ session }: Envelope, pattern: string): ClaspError | undefined {
  const bad = checkPattern(pattern);
  if (bad) return bad;
  if (session.scopes.overlaps('read', pattern)) return undefined;
  return new ClaspError(ErrorCode.Forbidden, `no scope permits to read anything under ${pattern}`, {
    address: pattern,
  });
}
