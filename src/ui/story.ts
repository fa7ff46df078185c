import type { ImageRow } from '../workers/protocol.ts';
import { button } from './button.ts';
import { h, on, readSetting, writeSetting } from './dom.ts';
import { optionValue } from './format.ts';

/** A disk is plugged and unplugged in four steps, each a click away. */
export class Story {
  readonly element: HTMLDetailsElement;
  readonly #steps = h('ol', { class: 'story-steps' });
  readonly #propose: (command: string) => void;
  readonly #upload: () => void;

  /**
   * @param propose puts a command on the monitor's input line
   * @param upload takes the user to the images
   */
  constructor(propose: (command: string) => void, upload: () => void) {
    this.#propose = propose;
    this.#upload = upload;
    this.element = h(
      'details',
      { class: 'story', open: readSetting('story') !== 'closed' },
      h('summary', {}, 'Plug in a disk while Linux runs'),
      this.#steps,
    );
    on(this.element, 'toggle', () => writeSetting('story', this.element.open ? 'open' : 'closed'));
    this.setImages([]);
  }

  /** The commands name the image that is plugged, so that they stay the same through the story, or the first. */
  setImages(images: readonly ImageRow[]): void {
    const image = images.find(({ inUse }) => inUse) ?? images[0];
    const path = optionValue(image?.path ?? '/tmp/test.img');
    const upload = button('Upload a disk image, or make an empty one', { class: 'story-command' }, () =>
      this.#upload(),
    );
    this.#steps.replaceChildren(
      h('li', {}, upload),
      this.#step(`drive_add 0 if=none,file=${path},format=raw,id=disk1`),
      this.#step('device_add virtio-blk-pci,drive=disk1,id=myvirtio1'),
      this.#step('device_del myvirtio1'),
    );
  }

  #step(command: string): HTMLLIElement {
    const label = `Write into the monitor: ${command}`;
    return h(
      'li',
      {},
      button(command, { label, class: 'story-command mono' }, () => this.#propose(command)),
    );
  }
}
