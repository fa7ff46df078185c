/** The machine in the page's address: `#cmd=` and its command line, URL-encoded. Other parts of the hash, separated by `&`, stay. */
const KEY = 'cmd=';
/** Allowed in a hash, and easier to read as they are. Spec: URL, fragment percent-encode set. */
const READABLE = /%2C|%3D|%3A|%2F/g;

/** The command line that a hash names. */
export function lineOfHash(hash: string): string | undefined {
  const part = partsOf(hash).find((one) => one.startsWith(KEY));
  return part === undefined ? undefined : decoded(part.slice(KEY.length));
}

/** The hash with this command line; without one it names none. */
export function hashWithLine(hash: string, line: string | undefined): string {
  const others = partsOf(hash).filter((part) => !part.startsWith(KEY));
  const parts = line === undefined ? others : [...others, KEY + encoded(line)];
  return parts.length === 0 ? '' : `#${parts.join('&')}`;
}

/** Shows the command line in the page's address, without a step in the browser's history. */
export function showLine(line: string | undefined): void {
  const hash = hashWithLine(location.hash, line);
  if (hash === location.hash) return;
  history.replaceState(null, '', hash === '' ? `${location.pathname}${location.search}` : hash);
}

function partsOf(hash: string): readonly string[] {
  return hash
    .replace(/^#/, '')
    .split('&')
    .filter((part) => part !== '');
}

function encoded(line: string): string {
  return encodeURIComponent(line).replace(READABLE, decodeURIComponent);
}

/** What is not well encoded is taken as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
