/** Where the page runs: in a tab of its own, in a frame, in a sandbox. */

/** Whether another page shows this one in a frame. The keyboard is that page's until the reader clicks or tabs into the frame. */
export function isFramed(): boolean {
  return window.self !== window.top;
}

/** The page is in a sandbox without `allow-same-origin`, or was opened from a file: the browser keeps nothing for it. */
export function hasOpaqueOrigin(): boolean {
  return window.origin === 'null';
}
