/** The options of `Clasp`, as in `@clasp-to/core`. */
export interface ConnectOptions {
  /** What the relay calls this client. @defaultValue 'clasp-rx' */
  name?: string;
  /** What this client says it understands. @defaultValue ['param', 'event', 'stream'] */
  features?: string[];
  /** Proves what this client may do. @defaultValue none */
  token?: string;
  /** Whether to connect again after a loss. @defaultValue true */
  reconnect?: boolean;
  /** Milliseconds: upper end of the first wait before reconnecting, which is random; 0 counts as none. @defaultValue 5000 */
  reconnectInterval?: number;
  /** Milliseconds that `connect` waits. @defaultValue 10000 */
  connectionTimeout?: number;
}
