// A thread that receives ArtDmx and tells how long ago the control change was due that shows in each packet.
import { createSocket } from 'node:dgram';
import { parentPort, workerData } from 'node:worker_threads';

const times = new Float64Array(workerData.sent);
const frames = new Map();
const latencies = [];
const now = () => Number(process.hrtime.bigint()) / 1e6;
const socket = createSocket('udp4');

socket.on('message', (packet) => {
  const at = now();
  // OpDmx, whose universe and levels stand at fixed places.
  if (packet.readUInt16LE(8) !== 0x5000) return;
  const universe = packet.readUInt16LE(14);
  const levels = packet.subarray(18);
  const before = frames.get(universe);
  frames.set(universe, levels);
  for (let channel = 0; channel < 16; channel++) {
    if (levels[channel] && levels[channel] !== before?.[channel]) latencies.push(at - times[universe * 16 + channel]);
  }
});
socket.bind(0, '127.0.0.1', () => parentPort.postMessage({ port: socket.address().port }));
parentPort.on('message', (message) => {
  if (message === 'take') parentPort.postMessage({ latencies: latencies.splice(0) });
  else socket.close(() => parentPort.close());
});
