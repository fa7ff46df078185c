import type { ImageRow, MachineDrives } from '../workers/protocol.ts';
import { button } from './button.ts';
import { h, on, readSetting, writeSetting } from './dom.ts';
import { optionValue, STORY_PATH } from './format.ts';

/** What the story's commands name. */
interface Names {
  readonly path: string;
  readonly drive: string;
  readonly device: string;
}

/** A disk is plugged and unplugged in four steps, each a click away. */
export class Story {
  readonly element: HTMLDetailsElement;
  readonly #steps = h('ol', { class: 'story-steps' });
  readonly #propose: (command: string) => void;
  readonly #upload: () => void;
  #shown = '';

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
    this.#show({ path: STORY_PATH, drive: 'disk1', device: 'myvirtio1' });
  }

  /** The commands name a drive that the machine has, so that they stay the same from step to step; without one they name ids that are free. */
  setImages(images: readonly ImageRow[], { drives, freeIds }: MachineDrives): void {
    const drive = drives.find(({ path }) => images.some((image) => image.path === path));
    const image = images.find(({ inUse }) => !inUse) ?? images[0];
    this.#show({
      path: drive?.path ?? image?.path ?? STORY_PATH,
      drive: drive?.id ?? freeIds.drive,
      device: drive?.deviceId ?? freeIds.device,
    });
  }

  #show(names: Names): void {
    const key = JSON.stringify(names);
    if (key === this.#shown) return;
    this.#shown = key;
    const focused = this.#focusedStep();
    const { path, drive, device } = names;
    const upload = button('Upload a disk image, or make an empty one', { class: 'story-command' }, () =>
      this.#upload(),
    );
    this.#steps.replaceChildren(
      h('li', {}, upload),
      this.#step(`drive_add 0 if=none,file=${optionValue(path)},format=raw,id=${drive}`),
      this.#step(`device_add virtio-blk-pci,drive=${drive},id=${device}`),
      this.#step(`device_del ${device}`),
    );
    this.#steps.querySelectorAll('button')[focused]?.focus();
  }

  /** Which of the steps has the focus, from 0 on; -1 when none has. */
  #focusedStep(): number {
    const steps: readonly (Element | null)[] = [...this.#steps.querySelectorAll('button')];
    return steps.indexOf(document.activeElement ?? document.body);
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
