// `decodeAnyFrame` stays in message-pack.ts, so that nobody loads MessagePack without asking for it.
export { bundleSize, copyBundle, joinFrames, MAX_BUNDLE_WAIT } from './bundle.ts';
export {
  FEATURES,
  GESTURE_PHASES,
  MAX_PAYLOAD,
  MessageCode,
  SetFlag,
  SIGNAL_KINDS,
  signalCode,
  signalMask,
  ValueCode,
} from './codes.ts';
export { encodeMessage } from './encode.ts';
export { encodePublish, encodeSet } from './encode-signal.ts';
export {
  acknowledgeSet,
  answerSync,
  forwardAnnounce,
  forwardPublish,
  mergeIntoSet,
  publishAsSet,
  replaceInSet,
  stampRevision,
} from './forward.ts';
export { bundledFrames, bundleHead, decodeFrame, decodeMessage, Frame } from './frame.ts';
export { encodeResults, SnapshotWriter } from './snapshot.ts';
export { decodeValue, encodeValue } from './value.ts';
export { Writer } from './writer.ts';
