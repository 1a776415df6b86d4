import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'vite';

/** Bundles one entry file and all it imports into one ES module, as text. The entry's path is absolute. */
export async function bundle(entry: string, { minify = false }: { readonly minify?: boolean } = {}): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      minify,
      target: 'es2022',
      lib: { entry, formats: ['es'] },
      rollupOptions: { output: { codeSplitting: false } },
    },
  });
  const [output] = Array.isArray(result) ? result : [result];
  if (!output || !('output' in output)) throw new Error(`${entry} gave no bundle`);
  return output.output[0].code;
}

export interface ServedPages {
  /** For example `http://localhost:40123`; browsers treat it as a secure context. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves pages and scripts from memory on loopback: `{ '/': '<!doctype html>…', '/main.js': code }`. */
export async function servePages(files: Readonly<Record<string, string>>): Promise<ServedPages> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    const body = files[path];
    if (body === undefined) {
      response.writeHead(404).end();
      return;
    }
    const type = path.endsWith('.js') ? 'text/javascript' : 'text/html';
    response.writeHead(200, { 'Content-Type': `${type}; charset=utf-8` }).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
