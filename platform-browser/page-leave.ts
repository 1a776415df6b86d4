/** Calls `leaving` when the page goes away, where there is a page; gives the function that stops it. */
export function onPageLeave(leaving: () => void): () => void {
  // Workers and Node have no such event; listening there does nothing, and not every host has the method.
  if (typeof globalThis.addEventListener !== 'function') return () => undefined;
  globalThis.addEventListener('pagehide', leaving);
  return () => globalThis.removeEventListener('pagehide', leaving);
}
