import type { ImageRow, MachineDrives, MachineHardware } from '../workers/protocol.ts';
import { h, on, readSetting, writeSetting } from './dom.ts';
import { STORY_PATH } from './format.ts';
import { StorySteps } from './story-steps.ts';
import { diskSteps, memorySteps, processorSteps } from './story-texts.ts';
import { Tabs } from './tabs.ts';

export interface StoryActions {
  /** Puts a command on the monitor's input line. */
  monitor(command: string): void;
  /** Puts a command on the input line of the guest's shell. */
  guest(command: string): void;
  /** Takes the user to the images. */
  images(): void;
}

/** Hardware is plugged in and out in some steps, each a click away. */
export class Story {
  readonly element: HTMLDetailsElement;
  readonly #disk: StorySteps;
  readonly #processor: StorySteps;
  readonly #memory: StorySteps;

  constructor(actions: StoryActions) {
    this.#disk = new StorySteps(actions);
    this.#processor = new StorySteps(actions);
    this.#memory = new StorySteps(actions);
    const panels = [
      { id: 'disk', title: 'Disk', panel: this.#disk.element },
      { id: 'processor', title: 'Processor', panel: this.#processor.element },
      { id: 'memory', title: 'Memory', panel: this.#memory.element },
    ];
    const tabs = new Tabs('What to plug in and out', panels, readSetting('story-tab'), (id) =>
      writeSetting('story-tab', id),
    );
    this.element = h(
      'details',
      { class: 'story', open: readSetting('story') !== 'closed' },
      h('summary', {}, 'Plug in and out while Linux runs'),
      tabs.list,
      ...panels.map(({ panel }) => panel),
    );
    on(this.element, 'toggle', () => writeSetting('story', this.element.open ? 'open' : 'closed'));
    this.#disk.show(diskSteps({ path: STORY_PATH, drive: 'disk1', device: 'myvirtio1' }));
  }

  /** The commands name a drive that the machine has, so that they stay the same from step to step; without one they name ids that are free. */
  setImages(images: readonly ImageRow[], { drives, freeIds }: MachineDrives): void {
    const drive = drives.find(({ path }) => images.some((image) => image.path === path));
    const image = images.find(({ inUse }) => !inUse) ?? images[0];
    this.#disk.show(
      diskSteps({
        path: drive?.path ?? image?.path ?? STORY_PATH,
        drive: drive?.id ?? freeIds.drive,
        device: drive?.deviceId ?? freeIds.device,
      }),
    );
  }

  /** What is plugged in gets a name that is free; what is used and taken out is what was plugged in last. */
  setHardware(hardware: MachineHardware): void {
    this.#processor.show(processorSteps(hardware));
    this.#memory.show(memorySteps(hardware));
  }
}
