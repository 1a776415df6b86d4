import { afterEach, describe, expect, it } from 'vitest';
import { installed } from '../../peers/installed.ts';
import { bridge, broker, closeAll, device, relay, url, waitFor } from '../../peers/mqtt-bridge-rig.ts';

afterEach(closeAll);

describe.skipIf(!installed('mosquitto'))('mqttBridge, and what is no echo', () => {
  it.each([4, 5] as const)('passes on events that the other side has just said too (protocol %d)', async (version) => {
    const peer = await broker();
    const { relay: running, app } = relay();
    const heard: string[] = [];
    app.on('/mqtt/**', { types: ['event'] }).subscribe((signal) => {
      if (signal.kind === 'event') heard.push(`${signal.address} ${signal.value}`);
    });
    await bridge(running.client('broker'), { url: url(peer), subscribe: ['#'], protocolVersion: version }).ready();
    // It hears its own messages too.
    const { received, client } = await device(peer.port, '#');
    await app.set('/mqtt/begin', 1);
    await waitFor(() => expect(received).toEqual(['begin 1 (r)']));

    client.publish('button', 'press', { qos: 1 });
    await waitFor(() => expect(heard).toEqual(['/mqtt/button press']));
    for (let time = 0; time < 3; time++) await app.emit('/mqtt/button', 'press');
    await waitFor(() => expect(received.filter((line) => line === 'button press').length).toBe(4));

    await app.emit('/mqtt/go', 1);
    await waitFor(() => expect(received.at(-1)).toBe('go 1'));
    for (let time = 0; time < 3; time++) client.publish('go', '1', { qos: 1 });
    client.publish('end', 'x', { qos: 1 });
    await waitFor(() => expect(heard.at(-1)).toBe('/mqtt/end x'));
    expect(heard).toEqual(['/mqtt/button press', '/mqtt/go 1', '/mqtt/go 1', '/mqtt/go 1', '/mqtt/end x']);
    await waitFor(() => expect(received.filter((line) => line === 'go 1').length).toBe(4));
  });

  it.each([4, 5] as const)(
    'hears nothing of the end of a param that the relay has ended (protocol %d)',
    async (version) => {
      const peer = await broker();
      const { relay: running, app } = relay();
      const heard: string[] = [];
      app.on('/mqtt/**').subscribe((signal) => {
        if (signal.kind === 'event' || signal.kind === 'param') heard.push(`${signal.kind} ${signal.value}`);
      });
      await bridge(running.client('broker'), { url: url(peer), subscribe: ['#'], protocolVersion: version }).ready();
      const { received, client } = await device(peer.port, '#');
      await app.set('/mqtt/lamp', 'on');
      await waitFor(() => expect(received).toEqual(['lamp on (r)']));
      await app.set('/mqtt/lamp', null);
      await app.emit('/mqtt/lamp', '');
      await waitFor(() => expect(received.slice(1)).toEqual(['lamp  (r)', 'lamp ']));
      client.publish('end', 'x', { qos: 1 });
      await waitFor(() => expect(heard.at(-1)).toBe('event x'));
      expect(heard).toEqual(['param on', 'param null', 'event x']);
    },
  );
});
