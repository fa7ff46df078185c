/** Drawn on 20 by 20, stroke 1.6. */
const PATHS = {
  play: 'M6.5 4.2v11.6l9-5.8z',
  pause: 'M7 4.5v11M13 4.5v11',
  reset: 'M4.5 10a5.5 5.5 0 1 0 1.8-4.1M4.5 3.5v3.3h3.3',
  cold: 'M10 3.5v13M4.4 6.8l11.2 6.4M15.6 6.8L4.4 13.2',
  power: 'M10 3.5v6M6.2 5.6a5.6 5.6 0 1 0 7.6 0',
  upload: 'M10 13V4m-3.5 3.3L10 3.8l3.5 3.5M4 12.5V16h12v-3.5',
  download: 'M10 3.8v9m-3.5-3.2L10 13l3.5-3.4M4 12.5V16h12v-3.5',
  plus: 'M10 4.5v11M4.5 10h11',
  rename: 'M4.5 15.5l.8-3.2 7.6-7.6 2.4 2.4-7.6 7.6zM11.3 6.3l2.4 2.4',
  trash: 'M4.5 6h11M8 6V4.2h4V6M6 6l.6 9.8h6.8L14 6M8.6 8.7l.2 4.6M11.4 8.7l-.2 4.6',
  copy: 'M7.5 7.5h8v8h-8zM12.5 7.5v-3h-8v8h3',
  paste: 'M7 5H5v11h10V5h-2M7.5 3.5h5v3h-5z',
  insert: 'M4 5l4 4-4 4M10 14.5h6',
  plug: 'M7 3.5v4M13 3.5v4M5 7.5h10v2.5a5 5 0 0 1-10 0zM10 15v2',
  help: 'M7.4 7.6a2.7 2.7 0 1 1 3.9 2.4c-.9.4-1.3 1-1.3 2M10 14.7v.1',
  close: 'M5.5 5.5l9 9M14.5 5.5l-9 9',
  chip: 'M6 6h8v8H6zM8 6V3.5M12 6V3.5M8 16.5V14M12 16.5V14M6 8H3.5M6 12H3.5M16.5 8H14M16.5 12H14',
  globe: 'M10 3.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M3.5 10h13M10 3.5c-4 4-4 9 0 13c4-4 4-9 0-13',
  folder: 'M3.8 6V15h12.4V7H9.6L8 5H3.8z',
  disk: 'M4 5.5h12v9H4zM4 11.5h12M13.2 13h.1',
} as const;

export type IconName = keyof typeof PATHS;

/** A drawing that screen readers skip: the element around it has the name. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}
