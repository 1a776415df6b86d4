import { z } from 'zod';
import { addressField, nameField, patternField, portField } from '../config/config-fields.ts';
import type { BridgeType } from './bridge-type.ts';
import { type HttpBridgeOptions, httpBridge } from './http-bridge.ts';

/** HTTP as an entry of a configuration file. */
export interface HttpBridgeConfig extends Omit<HttpBridgeOptions, 'scheduler' | 'join' | 'authenticate'> {
  readonly type: 'http';
}

const headers = z.record(z.string(), z.string()).describe('sent with each request; none if absent').exactOptional();

const noUrl = ({ input }: { readonly input?: unknown }): string =>
  `must be a URL, http:// or https://, not ${JSON.stringify(input)}`;
const isUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

const webhook = z.strictObject({
  pattern: patternField.describe('which addresses'),
  url: z
    .string()
    .min(1)
    .refine((text) => isUrl(text.replaceAll('{address}', 'x')), { error: noUrl })
    .describe('what is called; {address} in it stands for the address'),
  types: z
    .array(z.enum(['param', 'event', 'stream', 'gesture', 'timeline']))
    .describe('which kinds of signal; every kind if absent')
    .exactOptional(),
  method: z.enum(['POST', 'PUT', 'GET']).describe('POST if absent').exactOptional(),
  headers,
});

const poll = z.strictObject({
  url: z.url({ protocol: /^https?$/, error: noUrl }).describe('what is read'),
  to: addressField.describe('the param it is written to'),
  every: z.number().min(0.1).describe('seconds between two readings'),
  path: z.string().describe('what to take from the JSON, as main.temp; all of it if absent').exactOptional(),
  headers,
});

const schema = z
  .strictObject({
    type: z.literal('http'),
    name: nameField.describe('named in the log and in the status; "http" if absent').exactOptional(),
    port: portField
      .describe('TCP port for the API under /v1; 0 takes a free one; only calls out if absent')
      .exactOptional(),
    host: z.string().describe('address to bind to; as the relay if absent').exactOptional(),
    cors: z
      .array(z.string())
      .describe('origins of web pages that may use the API, or "*"; none if absent')
      .exactOptional(),
    maxBody: z.int().min(1).describe('longest request body in bytes; 1114112 if absent').exactOptional(),
    webhooks: z.array(webhook).describe('URLs that are called when something happens; none if absent').exactOptional(),
    polls: z.array(poll).describe('URLs that are read into params; none if absent').exactOptional(),
  })
  .refine(
    ({ port, webhooks = [], polls = [] }) => port !== undefined || webhooks.length + polls.length > 0,
    'needs a port, webhooks or polls',
  );

/** HTTP, as a configuration file has it. */
export const httpBridgeType: BridgeType<HttpBridgeConfig> = {
  type: 'http',
  summary: 'State and events over HTTP, webhooks, and URLs that are read into params',
  schema,
  open: (client, { type: _, ...config }, { name, relayHost, scheduler, join, authenticate }) =>
    httpBridge(client, { host: relayHost, ...config, name, scheduler, join, authenticate }),
};
