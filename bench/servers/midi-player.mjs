// A thread that plays control changes on a fixed schedule, as the thread of a MIDI driver does, and notes when.
import { parentPort, workerData } from 'node:worker_threads';

const { sent, perSecond, count, controls, base, first } = workerData;
const times = new Float64Array(sent);
const pause = new Int32Array(new SharedArrayBuffer(4));
const now = () => Number(process.hrtime.bigint()) / 1e6;
// Until then the thread has been started with all that belongs to it.
const began = now() + 500;

for (let i = 0; i < count; i++) {
  const due = began + (i * 1000) / perSecond;
  for (let left = due - now(); left > 0; left = due - now()) Atomics.wait(pause, 0, 0, left);
  const control = i % controls;
  const channel = Math.floor(i / controls) % 16;
  const value = 1 + ((base + Math.floor(i / (controls * 16))) % 120);
  // The time it was due: who is late is charged for it.
  times[(first + control) * 16 + channel] = due;
  parentPort.postMessage([0xb0 | channel, control, value]);
}
