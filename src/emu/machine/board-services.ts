/** What devices find of the machine and of its board. They are made on it, but its services are named before it is there. */
import { BLOCK_ERRORS, blockErrorReporter } from '../block/block-errors.ts';
import { DRIVES, type Drives } from '../block/drives.ts';
import { FW_CFG } from '../chipset/fw-cfg.ts';
import type { Clock } from '../core/clock.ts';
import { NO_FILES } from '../core/host.ts';
import type { MachineEvents } from '../core/machine-events.ts';
import type { Trace } from '../core/trace.ts';
import { CPU_SOCKETS } from '../cpu/cpu-type.ts';
import { DEVICE_MEMORY } from '../memory/device-memory.ts';
import { GUEST_RAM } from '../memory/guest-ram.ts';
import { NET_HOST, NO_NET_HOST } from '../net/net-host.ts';
import { PCI_HOTPLUG_BOARD } from '../pci/pci-slots.ts';
import { OBJECT_TREE } from '../qdev/links.ts';
import type { ObjectTree } from '../qdev/objects.ts';
import {
  CLOCK,
  ENTROPY,
  EVENTS,
  FILES,
  Services,
  START_CPUS,
  TRACE,
  WALL_CLOCK,
  WARNINGS,
} from '../qdev/services.ts';
import type { PcBoard } from './boards/pc.ts';
import type { MachineConfig, MachineHost } from './machine-config.ts';
import type { RunControl } from './run-state.ts';

/** What there is of a machine before its devices are made. */
export interface MachineCore {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly events: MachineEvents;
  readonly drives: Drives;
  readonly runControl: RunControl;
  readonly config: MachineConfig;
}

export interface ServiceParts {
  readonly objectTree: ObjectTree;
  readonly host: MachineHost;
  /** The time of day, in milliseconds since 1970. */
  readonly wallClockMs: () => number;
}

export function machineServices(machine: MachineCore, parts: ServiceParts): Services {
  const { clock, trace, events, drives, runControl, config } = machine;
  const { objectTree, host, wallClockMs } = parts;
  // QEMU: a machine that stands still already keeps its own reason for that.
  const pause = (): boolean => {
    if (!runControl.running) return false;
    runControl.stop('io-error');
    void drives.drainAll();
    return true;
  };
  return new Services()
    .provide(CLOCK, clock)
    .provide(TRACE, trace)
    .provide(ENTROPY, host)
    .provide(WALL_CLOCK, wallClockMs)
    .provide(EVENTS, events)
    .provide(FILES, host.createFile ?? NO_FILES)
    .provide(WARNINGS, (text) => host.warn?.(text))
    .provide(START_CPUS, config.smp?.cpus ?? 1)
    .provide(OBJECT_TREE, objectTree)
    .provide(DRIVES, drives)
    .provide(NET_HOST, host.network ?? NO_NET_HOST)
    .provide(BLOCK_ERRORS, blockErrorReporter(events, host, pause));
}

/** @param board called when a device asks, which is after the board was made */
export function provideBoard(services: Services, board: () => PcBoard): void {
  services
    .provide(FW_CFG, {
      file: (name) => board().fwCfg.file(name),
      addFile: (name, bytes) => board().fwCfg.addFile(name, bytes),
    })
    .provide(CPU_SOCKETS, {
      insert: (apicId) => board().cpus.insert(apicId),
      get warnings() {
        return board().cpus.warnings;
      },
    })
    .provide(DEVICE_MEMORY, {
      get nodes() {
        return board().deviceMemory.nodes;
      },
      insert: (backend, gpa) => board().deviceMemory.insert(backend, gpa),
      grown: () => board().deviceMemory.grown(),
    })
    .provide(PCI_HOTPLUG_BOARD, {
      controllerFor: (slots, hotplugged) => board().pciHotplug.controllerFor(slots, hotplugged),
      unplug: (device) => board().pciHotplug.unplug(device),
    })
    .provide(GUEST_RAM, {
      get memory() {
        return board().deviceMemory.memory;
      },
      get sizeBytes() {
        return board().deviceMemory.sizeBytes;
      },
    });
}
