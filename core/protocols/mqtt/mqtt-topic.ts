import { checkAddress, checkPattern } from '../../address/address.ts';
import { ClaspError, ErrorCode } from '../../errors.ts';

/** What no topic name can contain: the wildcards of MQTT, and NUL. */
const NOT_IN_TOPIC = /[+#\0]/;
/** The longest part of a topic that a failure quotes. */
const QUOTED = 256;

/**
 * The address of an MQTT topic, or undefined when there is none: the topic is empty, has a wildcard (`+`, `#`) or a NUL, more
 * than 64 levels with the namespace, or is too long.
 *
 * Levels are segments. What a segment cannot be is written so that {@link toMqttTopic} finds it again: an empty level
 * as `%`, a star as `%2A`, and a percent sign as `%25` where it would be read as one of these three.
 *
 * @example
 * ```ts
 * fromMqttTopic('sensors/temp', '/mqtt'); // '/mqtt/sensors/temp'
 * fromMqttTopic('/a//b*', '/mqtt'); // '/mqtt/%/a/%/b%2A'
 * ```
 */
export function fromMqttTopic(topic: string, namespace: string): string | undefined {
  if (topic === '' || NOT_IN_TOPIC.test(topic)) return undefined;
  const address = `${namespace}/${topic.split('/').map(toSegment).join('/')}`;
  return checkAddress(address) === undefined ? address : undefined;
}

/** The `ClaspError` (200) that tells of a topic for which {@link fromMqttTopic} has no address. */
export function badMqttTopic(topic: string): ClaspError {
  const shown = topic.slice(0, QUOTED);
  return new ClaspError(ErrorCode.BadAddress, `MQTT topic ${JSON.stringify(shown)} has no CLASP address`, {
    address: shown,
  });
}

/**
 * The topic of an address below the namespace: what {@link fromMqttTopic} made, or an address that can be a topic as it
 * is. Throws a `ClaspError` (200) for an address outside the namespace, with `+`, `#` or a NUL, or with a `%` that no topic
 * would have given it.
 */
export function toMqttTopic(address: string, namespace: string): string {
  const fault = (why: string) => new ClaspError(ErrorCode.BadAddress, `${address} ${why}`, { address });

  const start = namespace.length;
  if (!address.startsWith(namespace) || address.charCodeAt(start) !== SLASH || address.length === start + 1) {
    throw fault(`is not below ${namespace || '/'}`);
  }
  const path = address.slice(start + 1);
  if (NOT_IN_TOPIC.test(path)) throw fault('cannot be an MQTT topic: it has +, # or NUL');
  if (!path.includes('%')) return path;
  const levels = path.split('/').map(toLevel);
  const topic = levels.join('/');
  if (topic === '' || levels.map(toSegment).join('/') !== path) {
    throw fault('cannot be an MQTT topic: % stands for nothing there');
  }
  return topic;
}

/**
 * The pattern of an MQTT topic filter: `+` is `*`, `#` is `**`. Throws a `ClaspError` (202) for what is no filter, such as
 * `a+/b` or `#/a`, and for one that is too long for a pattern.
 *
 * @example
 * ```ts
 * fromMqttFilter('sensors/+/temp', '/mqtt'); // '/mqtt/sensors/*\/temp'
 * fromMqttFilter('sensors/#', '/mqtt'); // '/mqtt/sensors/**'
 * ```
 */
export function fromMqttFilter(filter: string, namespace: string): string {
  const fault = (why: string) => {
    const shown = filter.slice(0, QUOTED);
    return new ClaspError(ErrorCode.BadPattern, `MQTT topic filter ${JSON.stringify(shown)} ${why}`, { value: filter });
  };

  if (filter === '') throw fault('is empty');
  if (filter.includes('\0')) throw fault('has a NUL');
  const levels = filter.split('/');
  const segments = levels.map((level, index) => {
    if (level === '+') return '*';
    if (level === '#' && index === levels.length - 1) return '**';
    if (level.includes('#')) throw fault('has a # that is not its last level');
    if (level.includes('+')) throw fault('has a + beside other characters');
    return toSegment(level);
  });
  const pattern = `${namespace}/${segments.join('/')}`;
  const wrong = checkPattern(pattern);
  if (wrong) throw fault(`is no pattern: ${wrong.reason}`);
  return pattern;
}

/**
 * The MQTT topic filters that together cover at least what `pattern` matches below the namespace. `**` within the pattern
 * and stars inside a segment have no counterpart: they become `#` and `+`, so what comes must still be matched.
 */
export function toMqttFilter(pattern: string, namespace: string): string {
  const prefix = `${namespace}/`;
  if (!pattern.startsWith(prefix)) {
    throw new ClaspError(ErrorCode.BadPattern, `${pattern} is not below ${namespace || '/'}`, { address: pattern });
  }
  const levels: string[] = [];
  for (const segment of pattern.slice(prefix.length).split('/')) {
    if (segment === '**') return [...levels, '#'].join('/');
    levels.push(segment.includes('*') ? '+' : toLevel(segment));
  }
  return levels.join('/');
}

/** Whether a topic filter matches a topic, by the rules of MQTT: no wildcard at the start finds a topic that begins with `$`. */
export function mqttFilterMatches(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (topic.startsWith('$') && (wanted[0] === '+' || wanted[0] === '#')) return false;
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}

const SLASH = 0x2f;

function toSegment(level: string): string {
  if (level === '') return '%';
  if (level === '%') return '%25';
  if (!level.includes('%') && !level.includes('*')) return level;
  return level.replace(/%(?=25|2A)/g, '%25').replace(/\*/g, '%2A');
}

function toLevel(segment: string): string {
  if (segment === '%') return '';
  return segment.includes('%') ? segment.replace(/%(25|2A)/g, (_, code) => (code === '25' ? '%' : '*')) : segment;
}
