type Child = Node | string | undefined;
type Attributes = Readonly<Record<string, string | boolean | undefined>>;

/** An element with attributes (true: empty, false or undefined: absent) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (typeof value === 'string') element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** Listens, and passes rejections of an asynchronous listener to the window's error handling. */
export function on<K extends keyof HTMLElementEventMap>(
  target: HTMLElement,
  type: K,
  listener: (event: HTMLElementEventMap[K]) => void | Promise<void>,
): void {
  target.addEventListener(type, (event) => {
    listener(event)?.catch(reportError);
  });
}

/** What the user chose in an earlier visit; undefined where the browser keeps nothing. */
export function readSetting(key: string): string | undefined {
  try {
    return localStorage.getItem(`hotslot.${key}`) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a choice where the browser allows it. */
export function writeSetting(key: string, value: string): void {
  try {
    localStorage.setItem(`hotslot.${key}`, value);
  } catch {
    return;
  }
}
