/** `pci_add`, `pci_del` and the `drive_add` of their time, over the devices of today. Texts are those of QEMU 1.2 and 2.0. */
import { MonitorError } from '../../../core/monitor-error.ts';
import type { MachineApi } from '../../../machine/machine-api.ts';
import { pciFunction, pciSlot } from '../../../pci/pci-bus.ts';
import { Options, parseOptions } from '../../../qdev/option-string.ts';
import type { Qdev } from '../../../qdev/tree.ts';
import { maybe, string } from '../../argument-specs.ts';
import type { Command } from '../../command.ts';
import { addNetworkCard, checkCardOptions, modelOf, readNetworkCard } from '../../network-card.ts';
import { withPlainErrors } from '../plain-errors.ts';
import { scsiDriver } from './device-words.ts';
import { deviceInSlot, newSlot, slotOf, withoutTag } from './pci-address.ts';

/** What versions said in their own ways. */
export interface PciWords {
  /** Stands before the place of a new device. */
  readonly root: string;
  readonly otherDomain: string;
  /** What help shows of a drive's options. */
  readonly driveParams: string;
}

const AUTO = 'auto';
const SCSI_ADAPTER = 'lsi53c895a';
const NIC_MODEL = 'rtl8139';
/** `vlan` is the number of the hub, of which there was one for who did not ask for more. */
const NIC_OPTIONS = new Set(['vlan', 'netdev', 'macaddr', 'model', 'name', 'addr', 'vectors']);
const SLOT = '[[<domain>:]<bus>:]<slot>';

/** @param address undefined: any slot that is free */
function diskOptions(address: string, drive: string): Options {
  const addr = address === AUTO ? [] : [['addr', newSlot(address).toString(16)] as const];
  return new Options([['driver', 'virtio-blk-pci'], ['drive', drive], ...addr]);
}

async function addDisk(machine: MachineApi, address: string, options: Options): Promise<Qdev> {
  const { name } = await machine.drives.add(options);
  try {
    return await machine.devices.add(diskOptions(address, name));
  } catch (error) {
    await machine.drives.remove(name);
    throw error;
  }
}

async function addStorage(machine: MachineApi, address: string, options: Options): Promise<Qdev> {
  const type = options.get('if');
  if (type === undefined) throw new MonitorError('no if= specified');
  if (type !== 'scsi' && type !== 'virtio') {
    throw new MonitorError(`type ${type} not a hotpluggable PCI device.`);
  }
  const hasFile = options.get('file') !== undefined;
  if (hasFile && options.get('addr') !== undefined) throw new MonitorError('Parameter addr not supported');
  if (hasFile && type === 'virtio') return addDisk(machine, address, options);
  if (type === 'scsi') return addAdapter(machine, address, hasFile ? options : undefined);
  if (address !== AUTO) newSlot(address);
  throw new MonitorError('virtio requires a backing file/device.');
}

/** The adapter of that time, with a disk on it when there is an image. */
async function addAdapter(machine: MachineApi, address: string, image: Options | undefined): Promise<Qdev> {
  const addr = address === AUTO ? [] : [['addr', newSlot(address).toString(16)] as const];
  const drive = image === undefined ? undefined : await machine.drives.add(image);
  try {
    const adapter = await machine.devices.add(new Options([['driver', SCSI_ADAPTER], ...addr]));
    if (drive !== undefined) await addScsiDisk(machine, adapter, drive.name, drive.unit);
    return adapter;
  } catch (error) {
    if (drive !== undefined && drive.attachedTo === undefined) await machine.drives.remove(drive.name);
    throw error;
  }
}

async function addScsiDisk(machine: MachineApi, adapter: Qdev, drive: string, unit: number): Promise<void> {
  const [bus] = adapter.buses;
  const options = machine.drives.find(drive)?.options;
  await machine.devices.add(
    new Options([
      ['driver', scsiDriver(options)],
      ['drive', drive],
      ['scsi-id', String(unit)],
      ['bus', bus?.name ?? ''],
    ]),
  );
}

async function addDevice(machine: MachineApi, address: string, type: string, opts: string): Promise<Qdev> {
  if (type === 'storage')
    return addStorage(
      machine,
      address,
      parseOptions(opts, undefined, () => {}),
    );
  if (type !== 'nic') throw new MonitorError(`invalid type: ${type}`);
  return addNic(
    machine,
    address,
    parseOptions(opts, undefined, () => {}),
  );
}

/** A card on a port of the hub that `-net` means, or with a back end of its own. */
async function addNic({ devices, network }: MachineApi, address: string, options: Options): Promise<Qdev> {
  const slot = address === AUTO ? undefined : newSlot(address).toString(16);
  checkCardOptions(options, NIC_OPTIONS);
  const card = readNetworkCard(options);
  if (card.addr !== undefined) throw new MonitorError('Parameter addr not supported');
  const named = options.get('netdev');
  if (named !== undefined && network.findBackend(named) === undefined) {
    throw new MonitorError(`netdev '${named}' not found`);
  }
  const model = modelOf(devices, card.model ?? NIC_MODEL);
  const port = named === undefined ? await network.addHubPort() : undefined;
  try {
    return await addNetworkCard(devices, model, { ...card, addr: slot }, named ?? port?.name ?? '');
  } catch (error) {
    if (port !== undefined) network.dropHubPort(port);
    throw error;
  }
}

/** What went wrong, then that the device did not come. */
function failed(error: unknown, opts: string): unknown {
  if (!(error instanceof MonitorError)) return error;
  const last = `failed to add ${opts}`;
  return new MonitorError(
    error.message,
    error.errorClass,
    error.hint === undefined ? last : `${error.hint}\n${last}`,
  );
}

function placeText(device: Qdev, root: string): string {
  const devfn = Number(device.valueNamed('addr'));
  return `OK ${root}, bus 0, slot ${pciSlot(devfn)}, function ${pciFunction(devfn)}\n`;
}

function pciDel(machine: MachineApi, slot: number): string {
  const device = deviceInSlot(machine, slot);
  if (device === undefined) throw new MonitorError(`slot ${slot} empty`);
  machine.devices.delete(device.path);
  return '';
}

/** QEMU makes the drive first. */
async function addScsiDrive(
  machine: MachineApi,
  options: Options,
  address: string,
  words: PciWords,
): Promise<string> {
  const { name, bus, unit } = await machine.drives.add(options);
  try {
    const device = deviceInSlot(machine, slotOf(address, words.otherDomain));
    if (device === undefined) throw new MonitorError(`no pci device with address ${address}`);
    if (device.type.name !== SCSI_ADAPTER) throw new MonitorError('Device is not a SCSI adapter');
    await addScsiDisk(machine, device, name, unit);
  } catch (error) {
    await machine.drives.remove(name);
    throw error;
  }
  return `OK bus ${bus}, unit ${unit}\n`;
}

async function driveAdd(
  machine: MachineApi,
  options: Options,
  address: string,
  words: PciWords,
): Promise<string> {
  if (options.get('if') === 'scsi') return addScsiDrive(machine, options, address, words);
  await machine.drives.hotAdd(options);
  return 'OK\n';
}

/** `pci_add`, `pci_del` and `drive_add` as a version had them. */
export function pciCommands(words: PciWords): readonly Command[] {
  return [
    {
      name: 'pci_add',
      args: [string('pci_addr'), string('type'), maybe(string('opts'))],
      params: `auto|${SLOT} nic|storage [[vlan=n][,macaddr=addr][,model=type]] [file=file][,if=type][,bus=nr]...`,
      help: 'hot-add PCI device',
      run: ({ machine }, args) =>
        withPlainErrors(async () => {
          const [address = '', type = '', opts = ''] = ['pci_addr', 'type', 'opts'].map((name) =>
            String(args.get(name) ?? ''),
          );
          const device = await addDevice(machine, withoutTag(address), type, opts).catch((error: unknown) => {
            throw failed(error, opts);
          });
          return placeText(device, words.root);
        }),
    },
    {
      name: 'pci_del',
      args: [string('pci_addr')],
      params: SLOT,
      help: 'hot remove PCI device',
      run: ({ machine }, args) =>
        withPlainErrors(async () => pciDel(machine, slotOf(String(args.get('pci_addr')), words.otherDomain))),
    },
    {
      name: 'drive_add',
      args: [string('pci_addr'), string('opts')],
      params: `${SLOT}\n${words.driveParams}`,
      help: 'add drive to PCI storage controller',
      run: ({ machine }, args) =>
        withPlainErrors(async () => {
          const options = parseOptions(String(args.get('opts')), undefined, () => {});
          return driveAdd(machine, options, String(args.get('pci_addr')), words);
        }),
    },
  ];
}
