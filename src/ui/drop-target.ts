import { h } from './dom.ts';

/** Lets files be dropped anywhere on the page. */
export function startDropTarget(
  onFiles: (files: readonly File[]) => void,
  onRefused: (why: string) => void,
): HTMLElement {
  const veil = h('div', { class: 'drop-veil', hidden: true }, h('p', {}, 'Drop to store as a disk image'));
  let depth = 0;
  const leave = () => {
    depth = 0;
    veil.hidden = true;
  };
  const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
  window.addEventListener('dragenter', (event) => {
    if (!carriesFiles(event)) return;
    depth++;
    veil.hidden = false;
  });
  window.addEventListener('dragleave', (event) => {
    if (carriesFiles(event) && --depth <= 0) leave();
  });
  window.addEventListener('dragover', (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  window.addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    leave();
    const items = [...(event.dataTransfer?.items ?? [])].filter((item) => item.kind === 'file');
    const folders = items.some((item) => item.webkitGetAsEntry()?.isDirectory === true);
    if (folders) onRefused('A folder cannot be a disk image. Drop the image file itself.');
    else onFiles([...(event.dataTransfer?.files ?? [])]);
  });
  return veil;
}
