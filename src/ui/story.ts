import type { ImageRow, MachineDrives, MachineHardware } from '../workers/protocol.ts';
import { h, on, readSetting, writeSetting } from './dom.ts';
import { StorySteps } from './story-steps.ts';
import {
  diskSteps,
  memorySteps,
  networkSteps,
  processorSteps,
  scsiSteps,
  storyDisks,
  usbSteps,
} from './story-texts.ts';
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
  readonly #usb: StorySteps;
  readonly #scsi: StorySteps;

  constructor(actions: StoryActions) {
    this.#disk = new StorySteps(actions);
    this.#processor = new StorySteps(actions);
    this.#memory = new StorySteps(actions);
    this.#usb = new StorySteps(actions);
    this.#scsi = new StorySteps(actions);
    const network = new StorySteps(actions);
    const panels = [
      { id: 'disk', title: 'Disk', panel: this.#disk.element },
      { id: 'processor', title: 'Processor', panel: this.#processor.element },
      { id: 'memory', title: 'Memory', panel: this.#memory.element },
      { id: 'usb', title: 'USB', panel: this.#usb.element },
      { id: 'scsi', title: 'SCSI', panel: this.#scsi.element },
      { id: 'network', title: 'Network', panel: network.element },
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
    network.show(networkSteps());
    this.setImages([], { drives: [], freeIds: { drive: 'disk1', device: 'myvirtio1' } });
  }

  setImages(images: readonly ImageRow[], machine: Pick<MachineDrives, 'drives' | 'freeIds'>): void {
    const { disk, stick, scsi } = storyDisks(images, machine);
    this.#disk.show(diskSteps(disk));
    this.#usb.show(usbSteps(stick));
    this.#scsi.show(scsiSteps(scsi));
  }

  /** What is plugged in gets a name that is free; what is used and taken out is what was plugged in last. */
  setHardware(hardware: MachineHardware): void {
    this.#processor.show(processorSteps(hardware));
    this.#memory.show(memorySteps(hardware));
  }
}
