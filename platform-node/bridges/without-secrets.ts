/**
 * A URL without user, password, query and fragment, where keys and tokens stand: for the log, and for the state of a bridge,
 * which many may read. Takes any text, also a URL with `{address}` in it.
 */
export function withoutSecrets(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/^([^/]*\/\/)[^/]*@/, '$1');
}
