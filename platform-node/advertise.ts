import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Observable } from 'rxjs';
import { ClaspError, ErrorCode } from '../core/errors.ts';
import { resolveInterface } from './network-interface.ts';

/** A service that others on the network can find by mDNS (DNS-SD). */
export interface AdvertisedService {
  /** For people; unique on the network. */
  readonly name: string;
  /** Without underscore: `oscjson` is `_oscjson._tcp`. */
  readonly type: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** The part of the package `bonjour-service` that is needed. */
export interface BonjourModule {
  readonly Bonjour: new (
    options: object,
    failed: (cause: unknown) => void,
  ) => {
    publish(service: object): unknown;
    unpublishAll(done: () => void): void;
    destroy(): void;
  };
}

export interface AdvertiseOptions {
  /** The network to use: an interface's name, an address of this machine, or a CIDR. @defaultValue the system's choice */
  readonly interface?: string | undefined;
  /** Gives the package. @defaultValue imports `bonjour-service`, from here or from the working directory */
  readonly load?: (() => Promise<BonjourModule>) | undefined;
}

const PACKAGE = 'bonjour-service';

/**
 * Advertises services by mDNS while subscribed, and takes them back with a goodbye. Emits what does not work, and never
 * ends: a `ClaspError` 501 where `bonjour-service` is not installed, 402 for an interface that does not exist.
 */
export function advertise(
  services: readonly AdvertisedService[],
  { interface: network, load = loadBonjour }: AdvertiseOptions = {},
): Observable<ClaspError> {
  return new Observable((out) => {
    load().then(
      ({ Bonjour }) => {
        if (out.closed) return;
        try {
          // Bound to the interface alone, the socket would hear no multicast on Linux.
          const place = network === undefined ? {} : { interface: resolveInterface(network), bind: '0.0.0.0' };
          const bonjour = new Bonjour(place, (cause) => out.next(ClaspError.from(cause, ErrorCode.Internal)));
          out.add(() => bonjour.unpublishAll(() => bonjour.destroy()));
          for (const service of services) bonjour.publish({ ...service });
        } catch (cause) {
          out.next(ClaspError.from(cause, ErrorCode.Internal));
        }
      },
      (cause) => out.next(ClaspError.from(cause, ErrorCode.NotEnabled)),
    );
  });
}

async function loadBonjour(): Promise<BonjourModule> {
  const fromHere = (): Promise<BonjourModule> => import(PACKAGE as string);
  const fromWorkingDirectory = async (): Promise<BonjourModule> => {
    const path = createRequire(join(process.cwd(), 'package.json')).resolve(PACKAGE);
    return import(pathToFileURL(path).href);
  };
  try {
    return await fromHere().catch(fromWorkingDirectory);
  } catch (cause) {
    const reason = `advertising by mDNS needs the package ${PACKAGE}: npm install ${PACKAGE}`;
    throw new ClaspError(ErrorCode.NotEnabled, reason, { cause });
  }
}
