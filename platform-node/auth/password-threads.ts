import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import {
  ARGON2,
  argon2Settings,
  isWeaker,
  NOBODYS_PASSWORD,
  type PasswordHasher,
} from '../../core/auth/password-hasher.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/**
 * What a thread does: as text, because a thread begins with a file, and which one that is differs between the sources
 * and what is published. The path of the package comes with it, as a text has no place to look from.
 */
const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { argon2id, argon2Verify } = require(workerData);
  parentPort.on('message', async ({ password, phc, options }) => {
    try {
      const answer = phc === undefined ? await argon2id({ password, ...options }) : await argon2Verify({ password, hash: phc });
      parentPort.postMessage({ answer });
    } catch {
      parentPort.postMessage({ failed: true });
    }
  });`;

interface Job {
  readonly message: { readonly password: string; readonly phc?: string; readonly options?: object };
  readonly resolve: (answer: string | boolean | undefined) => void;
  readonly reject: (reason: ClaspError) => void;
}

/** {@link PasswordHasher} in threads of its own. */
export interface PasswordThreads extends PasswordHasher {
  hash(password: string): Promise<string>;
  /** Ends the threads; what waits is rejected with 503. */
  close(): Promise<void>;
}

/**
 * Hashes passwords with argon2id in threads, which begin when they are first needed and keep no process alive. More
 * than `waiting` at a time are rejected with a `ClaspError` 503.
 */
export function passwordThreads({
  threads = 2,
  waiting = 64,
}: {
  readonly threads?: number;
  readonly waiting?: number;
} = {}): PasswordThreads {
  const queue: Job[] = [];
  const idle: Worker[] = [];
  const busy = new Map<Worker, Job>();
  let closed = false;

  const begin = (): Worker => {
    const path = createRequire(import.meta.url).resolve('hash-wasm');
    const worker = new Worker(THREAD, { eval: true, workerData: path });
    worker.on('message', ({ answer }: { answer?: string | boolean }) => {
      const job = busy.get(worker);
      busy.delete(worker);
      worker.unref();
      idle.push(worker);
      job?.resolve(answer);
      next();
    });
    const lost = (cause: unknown) => {
      const job = busy.get(worker);
      busy.delete(worker);
      const at = idle.indexOf(worker);
      if (at >= 0) idle.splice(at, 1);
      job?.reject(new ClaspError(ErrorCode.Internal, 'passwords cannot be hashed', { cause }));
      if (!closed) next();
    };
    worker.on('error', lost);
    worker.on('exit', lost);
    return worker;
  };

  const next = (): void => {
    while (queue.length > 0 && busy.size < threads) {
      const worker = idle.pop() ?? begin();
      const job = queue.shift() as Job;
      busy.set(worker, job);
      // Somebody waits for the answer: until then the process must not end.
      worker.ref();
      worker.postMessage(job.message);
    }
  };

  const ask = (message: Job['message']): Promise<string | boolean | undefined> =>
    new Promise((resolve, reject) => {
      if (closed || queue.length >= waiting) reject(tooMany());
      else {
        queue.push({ message, resolve, reject });
        next();
      }
    });

  return {
    async hash(password) {
      const { memory, iterations, parallelism } = ARGON2;
      const options = {
        salt: new Uint8Array(randomBytes(SALT_BYTES)),
        iterations,
        parallelism,
        memorySize: memory,
        hashLength: HASH_BYTES,
        outputType: 'encoded',
      };
      const phc = await ask({ password, options });
      if (typeof phc !== 'string') throw new ClaspError(ErrorCode.Internal, 'passwords cannot be hashed');
      return phc;
    },
    async verify(password, phc) {
      const settings = argon2Settings(phc);
      // What cannot be checked takes as long as what can.
      const right = await ask({ password, phc: settings ? phc : NOBODYS_PASSWORD });
      if (!settings || right !== true) return 'wrong';
      return isWeaker(settings) ? 'right, but weakly kept' : 'right';
    },
    async close() {
      closed = true;
      for (const { reject } of queue.splice(0)) reject(tooMany());
      await Promise.all([...idle, ...busy.keys()].map((worker) => worker.terminate()));
    },
  };
}

function tooMany(): ClaspError {
  return new ClaspError(ErrorCode.Overloaded, 'too many logins at once: try again in a moment');
}
