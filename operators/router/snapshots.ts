import type { ParamEntry } from '../../core/param-store.ts';
import { SnapshotWriter, ValueCode } from '../../core/wire/index.ts';
import type { Session } from './session-state.ts';

/** Sends the params to a session as SNAPSHOT frames, each as large as its peer can take; at least one, even if empty. */
export function sendSnapshot(session: Session, params: Iterable<ParamEntry>): void {
  const snapshot = new SnapshotWriter(session.connection.maxFrame);
  for (const param of params) {
    const { address, state } = param;
    if (!state) continue;
    snapshot.add(address, state.code, state.body, state.content, state.revision, state.writer, state.at);
    session.paced?.told(param);
  }
  session.outbox.sendSnapshot(snapshot.finish());
}

/** Answers a GET: the param, or value null where there is none, at revision 0 where there never was. */
export function sendParam(session: Session, param: ParamEntry): void {
  const { address, state } = param;
  const snapshot = new SnapshotWriter(session.connection.maxFrame);
  if (state?.exists) {
    snapshot.add(address, state.code, state.body, state.content, state.revision, state.writer, state.at);
  } else {
    snapshot.add(address, ValueCode.Null, undefined, null, state?.revision ?? 0);
  }
  session.paced?.told(param);
  session.outbox.sendSnapshot(snapshot.finish());
}
