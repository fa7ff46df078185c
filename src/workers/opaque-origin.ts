/** Whether the page is in a sandbox without `allow-same-origin`: there the browser keeps nothing and shares nothing. */
export function hasOpaqueOrigin(): boolean {
  return globalThis.origin === 'null';
}
