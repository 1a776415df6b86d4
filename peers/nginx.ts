import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { installed } from './installed.ts';

const HEADERS = `
  proxy_http_version 1.1;
  proxy_set_header Host $host;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $connection_upgrade;`;

/**
 * Starts nginx as a proxy in front of `target` (`host:port`), with its default buffering; gives its URL and what ends it.
 * `headers` false leaves the request's headers to its defaults: the `Host` is that of the target then.
 */
export async function nginxBefore(target: string, headers = true): Promise<{ base: string; end: () => Promise<void> }> {
  const command = installed('nginx');
  if (!command) throw new Error('test peer "nginx" is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'clasp-rx-nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
     events {}
     http {
       access_log off; ${temporary.join(' ')}
       map $http_upgrade $connection_upgrade { default upgrade; '' close; }
       server {
         listen 127.0.0.1:${port};
         location / {
           proxy_pass http://${target};
           ${headers ? HEADERS : ''}
         }
       }
     }`,
  );
  const child = spawn(command, ['-c', join(folder, 'nginx.conf'), '-p', folder], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  const base = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 100; attempt++) {
    const up = await fetch(`${base}/v1/openapi.json`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (up) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    base,
    end: async () => {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
