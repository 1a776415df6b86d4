import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EMPTY, NEVER, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { runCommand } from '../../peers/run-command.ts';
import type { RelayConfig } from '../config/relay-config.ts';
import type { Relay, RelayAddresses, RelayEvent } from '../relay.ts';
import { relayCommand } from './relay.ts';
import { run } from './runner.ts';

const addresses: RelayAddresses = {
  urls: ['ws://localhost:7330', 'ws://192.168.1.20:7330'],
  port: 7330,
  bridges: [{ name: 'osc', address: '127.0.0.1:8000' }],
};

const fakeRelay = (verbs: Partial<Relay> = {}): Relay => ({
  ready: Promise.resolve(addresses),
  events: NEVER,
  client: () => {
    throw new Error('not asked for');
  },
  stats: () => ({
    sessions: 0,
    ownSessions: 0,
    params: 0,
    ownParams: 0,
    subscriptions: 0,
    messagesIn: 0,
    messagesOut: 0,
    refused: 0,
  }),
  change: () => Promise.resolve({ opened: [], closed: [], routesStarted: 0, routesStopped: 0, restart: [] }),
  reload: () => Promise.resolve(),
  close: () => Promise.resolve(),
  ...verbs,
});

/** What the relay was started with, and what was printed until it was stopped after the given line. */
const started = async (words: string[], lastLine: string) => {
  const configs: RelayConfig[] = [];
  const command = relayCommand({
    start: (config) => {
      configs.push(config);
      return fakeRelay();
    },
  });
  const outcome = await runCommand(command, words, (line, stop) => {
    if (line.includes(lastLine)) stop();
  });
  return { config: configs[0], ...outcome };
};

describe('relay', () => {
  it('starts what the options say', async () => {
    expect((await started([], 'HTTP')).config).toEqual({
      name: 'clasp-rx',
      host: 'localhost',
      port: 7330,
      bridges: [],
      maxSessions: 0,
      sessionTimeout: 300_000,
      maxMessagesPerSecond: 0,
    });
    const words =
      '--ws-port 0 --host 0.0.0.0 --name Venue --osc-port 8000 --osc-target localhost:9000 --osc-target 10.0.0.2:9001 ' +
      '--osc-namespace /stage --max-sessions 5 --session-timeout 1.5 --max-messages-per-second 100';
    expect((await started(words.split(' '), 'OSC out')).config).toEqual({
      name: 'Venue',
      host: '0.0.0.0',
      port: 0,
      bridges: [{ type: 'osc', listen: 8000, targets: ['localhost:9000', '10.0.0.2:9001'], namespace: '/stage' }],
      maxSessions: 5,
      sessionTimeout: 1_500,
      maxMessagesPerSecond: 100,
    });
    expect((await started(['--mqtt-port', '0'], 'mqtt-server')).config?.bridges).toEqual([
      { type: 'mqtt-server', port: 0 },
    ]);
    expect((await started(['--osc-target', 'localhost:9000'], 'OSC out')).config?.bridges).toEqual([
      { type: 'osc', listen: false, targets: ['localhost:9000'], namespace: '/osc' },
    ]);
  });

  it('prints where it listens, and warns when that is the network', async () => {
    const local = await started(['--osc-port', '8000', '--osc-target', 'localhost:9000'], 'OSC out');
    expect(local).toMatchObject({
      code: 0,
      out: [
        'WebSocket  ws://localhost:7330',
        'WebSocket  ws://192.168.1.20:7330',
        'HTTP       http://localhost:7330/',
        'OSC in     udp://127.0.0.1:8000',
        'OSC out    udp://localhost:9000',
      ],
      err: [],
    });
    const wide = await started(['--mqtt-port', '0'], 'mqtt-server');
    expect(wide.out.slice(-2)).toEqual([
      'HTTP        http://localhost:7330/',
      'mqtt-server not connected yet (mqtt-server)',
    ]);
    const open = await started(['--host', '0.0.0.0'], 'everybody');
    expect(open.err).toEqual([
      'warn  everybody who reaches this port can read and write everything; without --host only this machine does',
    ]);
  });

  it('prints where a bridge sends to', async () => {
    const bridges = [
      { name: 'rig', address: '127.0.0.1:6454', targets: ['10.0.0.20:6454', '10.0.0.21:6454'] },
      { name: 'wash', address: '10.0.0.30:5568' },
    ];
    const start = () => fakeRelay({ ready: Promise.resolve({ ...addresses, bridges }) });
    const folder = mkdtempSync(join(tmpdir(), 'relay-'));
    const file = join(folder, 'clasp.config.json');
    const entries = [
      { name: 'rig', type: 'artnet', targets: ['10.0.0.20', '10.0.0.21'] },
      { name: 'wash', type: 'sacn', listen: false, targets: ['10.0.0.30'] },
    ];
    writeFileSync(file, JSON.stringify({ bridges: entries }));
    const { out } = await runCommand(relayCommand({ start }), ['--config', file], (line, stop) => {
      if (line.includes('wash')) stop();
    });
    rmSync(folder, { recursive: true });
    expect(out.slice(-2)).toEqual([
      'artnet     127.0.0.1:6454 -> 10.0.0.20:6454, 10.0.0.21:6454 (rig)',
      'sacn       10.0.0.30:5568 (wash)',
    ]);
  });

  it('prints that as JSON', async () => {
    const { out, err } = await started(['--json', '--host', '0.0.0.0', '--osc-port', '8000'], 'listening');
    expect(out.map((line) => JSON.parse(line))).toEqual([
      {
        type: 'listening',
        name: 'clasp-rx',
        port: 7330,
        urls: addresses.urls,
        bridges: [{ name: 'osc', type: 'osc', listen: '127.0.0.1:8000', targets: [], namespace: '/osc' }],
      },
    ]);
    expect(err).toEqual([]);
  });

  it('tells what happens at the level asked for', async () => {
    const session = { id: 'a', name: 'desk', peer: '127.0.0.1:1' };
    const events = new Subject<RelayEvent>();
    const outcome = (level: string) => {
      const running = runCommand(
        relayCommand({ start: () => fakeRelay({ events }) }),
        ['--log-level', level],
        (line, stop) => {
          if (line.includes('refused')) stop();
        },
      );
      events.next({ type: 'session-opened', session });
      events.next({ type: 'refused', session, error: new ClaspError(ErrorCode.Forbidden, 'no') });
      return running;
    };
    expect((await outcome('info')).err).toEqual([
      'info  session opened: desk (127.0.0.1:1)',
      'warn  refused to desk (127.0.0.1:1): no [301]',
    ]);
    expect((await outcome('warn')).err).toEqual(['warn  refused to desk (127.0.0.1:1): no [301]']);
  });

  it.each([
    ['port 7330 on 127.0.0.1 is in use', '; choose another with --port'],
    ['bridge osc: UDP port 8000 on 127.0.0.1 is in use', '; choose another with --osc-port'],
    ['bridge mqtt-server: MQTT port 1884 on 127.0.0.1 is in use', '; choose another with --mqtt-port'],
    ['bridge rest: port 7330 on 127.0.0.1 is in use', '; choose another in the configuration'],
    ['bridge lights: UDP port 6454 on 127.0.0.1 is in use', '; choose another in the configuration'],
    ['this machine has no address 192.0.2.1', ''],
  ])('fails in one line when it cannot listen: %s', async (reason, advice) => {
    const command = relayCommand({
      start: () => fakeRelay({ ready: Promise.reject(new ClaspError(ErrorCode.Internal, reason)), events: EMPTY }),
    });
    const words = ['--osc-port', '8000', '--mqtt-port', '1884'];
    expect(await runCommand(command, words)).toEqual({ code: 1, out: [], err: [`clasp-rx: ${reason}${advice}`] });
  });

  it.each([
    [['--port', '65536'], '--port is a whole number from 0 to 65535, not "65536"'],
    [['--osc-target', 'localhost'], '--osc-target: "localhost" is not host:port'],
    [['--osc-namespace', 'osc'], '--osc-namespace: address must start with "/": "osc"'],
    [['--log-level', 'loud'], '--log-level is one of error, warn, info, debug, not "loud"'],
    [['7330'], '"7330" is one word too many; quote text with spaces and patterns: \'/osc/**\', \'"two words"\''],
  ])('refuses %j as wrong usage', async (words, reason) => {
    const command = relayCommand({
      start: () => {
        throw new Error('started');
      },
    });
    expect(await runCommand(command, words)).toMatchObject({
      code: 2,
      err: [`clasp-rx: ${reason}`, expect.anything()],
    });
  });

  it('drains before it ends', async () => {
    let drained: () => void = () => undefined;
    const close = () =>
      new Promise<void>((resolve) => {
        drained = resolve;
      });
    const stop = new Subject<void>();
    let code: number | undefined;
    const ended = run(['relay'], [relayCommand({ start: () => fakeRelay({ close }) })], {
      env: {},
      stop,
      unread: NEVER,
      out: () => undefined,
      err: () => undefined,
    }).then((result) => {
      code = result;
    });
    stop.next();
    await new Promise((turn) => setImmediate(turn));
    expect(code).toBeUndefined();
    drained();
    await ended;
    expect(code).toBe(0);
  });
});
