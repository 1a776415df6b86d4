import type { CommandEntry } from './command.ts';

const ADDRESS = { name: 'ADDRESS' };

const connectAs = async (name: string) => (await import('./dial-as.ts')).dialAs(name);

/**
 * Every command, as the list of `clasp-rx --help` shows it. A command is loaded when it is named, so that nobody pays for
 * the others.
 */
export const commands: readonly CommandEntry[] = [
  {
    name: 'relay',
    summary: 'run a relay',
    arguments: [],
    load: async () => {
      const { relayCommand } = await import('./relay.ts');
      const { createRelay } = await import('../relay.ts');
      const { hangups } = await import('./process-signals.ts');
      const { collectAll } = await import('../event-loop.ts');
      // What reading all of this has left behind would stay until the relay is busy.
      collectAll();
      return relayCommand({ start: createRelay, reload: hangups });
    },
  },
  {
    name: 'check',
    summary: 'check a configuration file, and open nothing',
    arguments: [{ name: 'FILE' }],
    load: async () => (await import('./check.ts')).checkCommand(),
  },
  {
    name: 'bridge',
    summary: 'run one bridge to a relay that runs elsewhere',
    arguments: [{ name: 'TYPE' }],
    load: async () => {
      const { bridgeCommand } = await import('./bridge.ts');
      const { dialAs } = await import('./dial-as.ts');
      // A device's first frame is compared with what the relay has.
      return bridgeCommand((name) => dialAs(name, true));
    },
  },
  {
    name: 'sub',
    summary: 'print signals as they come, the current params first',
    arguments: [{ name: 'PATTERN' }],
    load: async () => (await import('./sub.ts')).subCommand(await connectAs('sub')),
  },
  {
    name: 'set',
    summary: 'write a param and print the revision it got',
    arguments: [ADDRESS, { name: 'VALUE' }],
    load: async () => (await import('./set.ts')).setCommand(await connectAs('set')),
  },
  {
    name: 'get',
    summary: 'print the value of a param; fails when there is none',
    arguments: [ADDRESS],
    load: async () => (await import('./get.ts')).getCommand(await connectAs('get')),
  },
  {
    name: 'emit',
    summary: 'send an event and wait until the relay has it',
    arguments: [ADDRESS, { name: 'VALUE', optional: true }],
    load: async () => (await import('./emit.ts')).emitCommand(await connectAs('emit')),
  },
  {
    name: 'stream',
    summary: 'send the lines of standard input as samples of a stream',
    arguments: [ADDRESS],
    load: async () => {
      const { streamCommand } = await import('./stream.ts');
      const { input } = await import('./standard-input.ts');
      return streamCommand(await connectAs('stream'), input);
    },
  },
  {
    name: 'bundle',
    summary: 'have several writes and events applied together, or none of them',
    arguments: [{ name: 'FILE' }],
    load: async () => {
      const { bundleCommand } = await import('./bundle.ts');
      const { input } = await import('./standard-input.ts');
      return bundleCommand(await connectAs('bundle'), input);
    },
  },
  {
    name: 'info',
    summary: 'print who the relay is, what it can do and how far away it is',
    arguments: [],
    load: async () => {
      const { infoCommand } = await import('./info.ts');
      const { webSocketDial } = await import('../web-socket/web-socket-dial.ts');
      const { figures } = await import('./summary.ts');
      const { clock } = await import('../clock.ts');
      return infoCommand({ dial: webSocketDial, figures, now: clock });
    },
  },
];
