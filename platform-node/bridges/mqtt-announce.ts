import { type SchedulerLike, Subscription, timer } from 'rxjs';
import type { Client } from '../../core/client/client.ts';
import { ClaspError, ErrorCode } from '../../core/errors.ts';
import { type HomeAssistantOptions, homeAssistantEntity } from '../../core/protocols/mqtt/home-assistant.ts';
import type { MqttQos } from '../../core/protocols/mqtt/mqtt.ts';
import type { MqttLink } from './mqtt-dial.ts';

/** Milliseconds after which the relay is asked again what is announced. */
const INTERVAL = 30_000;

interface HomeAssistantContext {
  readonly scheduler: SchedulerLike;
  /** Of the subscriptions to commands. */
  readonly qos: MqttQos;
  readonly tell: (failures: readonly ClaspError[]) => void;
}

/** Tells Home Assistant of the params that are announced below the namespace: now, and every 30 s of new ones. */
export function homeAssistant(
  client: Client,
  link: MqttLink,
  options: HomeAssistantOptions,
  { scheduler, qos, tell }: HomeAssistantContext,
): Subscription {
  const told = new Map<string, string>();
  const life = new Subscription();

  const ask = () => {
    life.add(
      client.query(`${options.namespace ?? '/mqtt'}/**`).subscribe({
        next: (definitions) => {
          const commands: string[] = [];
          for (const definition of definitions) {
            const entity = homeAssistantEntity(definition, options);
            if (!entity) continue;
            const text = new TextDecoder().decode(entity.config.payload);
            if (told.get(entity.config.topic) === text) continue;
            told.set(entity.config.topic, text);
            link.publish(entity.config, (failure) => failure && tell([failure]));
            if (entity.commands !== undefined) commands.push(entity.commands);
          }
          if (commands.length > 0) void link.subscribe(commands, qos).then(tell);
        },
        error: (cause) => tell([ClaspError.from(cause, ErrorCode.Internal)]),
      }),
    );
  };
  life.add(timer(0, INTERVAL, scheduler).subscribe(ask));
  return life;
}
