import { NEVER } from 'rxjs';
import { describe, expect, it, vi } from 'vitest';
import { router } from '../../operators/router/router.ts';

// As on a machine on which `npm install clasp-rx` was all: the optional packages are not there.
vi.mock('mqtt', () => {
  throw new Error("Cannot find package 'mqtt'");
});
vi.mock('mqtt-packet', () => {
  throw new Error("Cannot find package 'mqtt-packet'");
});

describe('without the optional packages', () => {
  it('the bridge to a broker says what to install', async () => {
    const { mqttBridge } = await import('./mqtt-bridge.ts');
    const relay = router();
    const running = relay(NEVER).subscribe();
    let reason: unknown;
    mqttBridge(relay.client('broker'), { url: 'mqtt://127.0.0.1:1' }).subscribe({
      error: (cause) => {
        reason = cause;
      },
    });
    await vi.waitFor(() => expect(reason).toBeDefined());
    expect(reason).toMatchObject({ code: 501, reason: expect.stringContaining('npm install mqtt') });
    running.unsubscribe();
  });

  it('the server for MQTT clients says what to install', async () => {
    const { mqttServerBridge } = await import('./mqtt-server-bridge.ts');
    const relay = router();
    let reason: unknown;
    mqttServerBridge({ join: relay.client }, { port: 0 }).subscribe({
      error: (cause) => {
        reason = cause;
      },
    });
    await vi.waitFor(() => expect(reason).toBeDefined());
    expect(reason).toMatchObject({ code: 501, reason: expect.stringContaining('npm install mqtt-packet') });
  });
});
