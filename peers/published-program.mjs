import {
  Clasp,
  ClaspBuilder,
  checkComplete,
  decodeFrame,
  decodeMessage,
  encode,
  encodeFrame,
  isPublishMessage,
  MSG,
  QoS,
  SignalType,
} from '@clasp-to/core';

/** A program of the published client: speaks its codec and two clients at a relay, and gives what it saw. */
export async function program(url) {
  const told = [];
  const cue = { type: 'PUBLISH', signal: SignalType.Event, address: '/cue/go', payload: { scene: 3 } };
  const bytes = encode(cue, QoS.Confirm);
  const { payload, qos } = decodeFrame(bytes);
  told.push([checkComplete(bytes) === bytes.length, payload[0] === MSG.PUBLISH, QoS[qos]]);
  const { message } = decodeMessage(encodeFrame(payload, { qos: QoS.Fire }));
  told.push(isPublishMessage(message) && message.address);

  const wall = await new ClaspBuilder(url).withName('wall').withReconnect(false).connect();
  const desk = new Clasp(url, { name: 'desk', reconnect: false });
  desk.onConnect(() => told.push('desk is connected'));
  await desk.connect();
  const all = new Promise((done) => {
    wall.on('/mixer/*', (value, address) => {
      told.push([address, value]);
      if (address === '/mixer/3') done();
    });
  });
  await wall.get('/ready'); // the relay has the subscription now
  desk.set('/mixer/1', 0.75);
  desk.set('/mixer/2', { level: 1, mute: false });
  desk.bundle([{ set: ['/mixer/3', 'last'] }]);
  await all;
  told.push(await desk.get('/mixer/2'), wall.cached('/mixer/1'), wall.cached('/mixer/9') === undefined);
  for (const client of [wall, desk]) client.close();
  return told;
}
