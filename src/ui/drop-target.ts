import type { FilesRequest } from '../workers/protocol.ts';
import { h } from './dom.ts';
import { stickFiles } from './stick-files.ts';

/** What becomes of files, by the half of the page on which they are dropped. */
export interface DropActions {
  /** Each is a disk image. */
  images(files: readonly File[]): Promise<void>;
  /** They are put on a stick, folders too. */
  stick(files: FilesRequest['files']): Promise<void>;
}

/** Lets files be dropped anywhere on the page. */
export function startDropTarget(actions: DropActions, onRefused: (why: string) => void): HTMLElement {
  const images = h('p', { class: 'drop-half' }, 'Drop here to store as disk images');
  const stick = h('p', { class: 'drop-half' }, 'Drop here to put the files on a USB stick');
  const veil = h('div', { class: 'drop-veil', hidden: true }, images, stick);
  let depth = 0;
  const leave = () => {
    depth = 0;
    veil.hidden = true;
  };
  const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
  const isForStick = ({ clientX }: DragEvent): boolean => clientX >= window.innerWidth / 2;
  const mark = (event: DragEvent): void => {
    const forStick = isForStick(event);
    stick.classList.toggle('aimed', forStick);
    images.classList.toggle('aimed', !forStick);
  };
  const dropImages = async (items: readonly DataTransferItem[], files: readonly File[]): Promise<void> => {
    const folders = items.some((item) => item.webkitGetAsEntry()?.isDirectory === true);
    if (folders)
      onRefused(
        'A folder cannot be a disk image. Drop the image file itself, or put the folder on a USB stick.',
      );
    else await actions.images(files);
  };
  window.addEventListener('dragenter', (event) => {
    if (!carriesFiles(event)) return;
    depth++;
    veil.hidden = false;
    mark(event);
  });
  window.addEventListener('dragleave', (event) => {
    if (carriesFiles(event) && --depth <= 0) leave();
  });
  window.addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    mark(event);
  });
  window.addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    const forStick = isForStick(event);
    leave();
    const items = [...(event.dataTransfer?.items ?? [])].filter((item) => item.kind === 'file');
    const files = [...(event.dataTransfer?.files ?? [])];
    // The items are there only until this listener returns: they are turned into files and folders at once.
    const done = forStick
      ? stickFiles(items, files).then((found) => actions.stick(found))
      : dropImages(items, files);
    done.catch(reportError);
  });
  return veil;
}
