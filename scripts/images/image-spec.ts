/** What a guest image is made of: data only, one record per image. */

import type { TerminalSize } from './manifest.ts';

export interface ImageSpec {
  readonly name: string;
  /** Debian's name of the architecture. */
  readonly architecture: string;
  /** Debian's library directory of the architecture. */
  readonly triplet: string;
  /** Metapackage whose dependency names the current kernel. */
  readonly kernel: string;
  /** `vmlinux`: unpacked here, to be started by its PVH entry; `bzimage`: as Debian has it. */
  readonly kernelFormat: 'vmlinux' | 'bzimage';
  /** Packages with the programs and data; libraries come by their dependencies. */
  readonly packages: readonly string[];
  /** Programs that the image has besides busybox. */
  readonly tools: readonly string[];
  /** Symbolic links, path to target. */
  readonly links: Readonly<Record<string, string>>;
  /** Files taken from the packages unchanged. */
  readonly dataFiles: readonly string[];
  readonly modules: readonly string[];
  /** Vendors whose device names are kept, in the spelling of the data base. */
  readonly vendors: { readonly pci: readonly string[]; readonly usb: readonly string[] };
  readonly append: string;
  readonly memoryMiB: number;
  /** The machine of the page and of the snapshot, in the words of QEMU's command line. */
  readonly machine: string;
  readonly terminalSize: TerminalSize;
}

const KMOD_NAMES = ['depmod', 'insmod', 'lsmod', 'modinfo', 'rmmod'];

/** Measured from the first instruction to the prompt, on QEMU 7.2, one instruction per nanosecond: docs/guest-image.md. */
const KERNEL_ARGUMENTS = [
  'console=ttyS0',
  // Guest: 6.1 crypto_algapi_init, 880 M instructions of self tests
  'cryptomgr.notests',
  // Guest: 6.1 mark_rodata_ro, 130 M instructions to walk every page table for writable code
  'rodata=off',
  // Guest: 6.1 timer_irq_works, 8 M instructions of waiting for ticks
  'no_timer_check',
  // Guest: 6.1 mm/page_alloc, 13 M instructions to clear pages that are written next
  'init_on_alloc=0',
  // Guest: 6.1 clocksource_watchdog, which writes over the prompt when a busy host lets the guest wait for a second
  'tsc=nowatchdog',
  // Guest: 6.1 swiotlb, which sets 64 MB of RAM aside for devices that cannot reach the DIMMs above 4 GiB: 4 MB, in slabs of 2 KB
  'swiotlb=2048',
];

const MEMORY_MIB = 256;

const DEBIAN_AMD64: ImageSpec = {
  name: 'debian-amd64',
  architecture: 'amd64',
  triplet: 'x86_64-linux-gnu',
  kernel: 'linux-image-amd64',
  kernelFormat: 'vmlinux',
  packages: [
    'bash',
    'busybox',
    'dosfstools',
    'e2fsprogs',
    'ethtool',
    'evtest',
    'fdisk',
    'iproute2',
    'kmod',
    'libc-bin',
    'lsscsi',
    'ncurses-base',
    'pci.ids',
    'pciutils',
    'udev',
    'usbutils',
    'util-linux',
    'xz-utils',
  ],
  tools: [
    'bash',
    'blkid',
    'chcpu',
    'chmem',
    'dmesg',
    'e2fsck',
    'ethtool',
    'evtest',
    'fdisk',
    'ip',
    'kmod',
    'lsblk',
    'lscpu',
    'lsmem',
    'lspci',
    'lsscsi',
    'lsusb',
    'mke2fs',
    'mkfs.fat',
    'setpci',
    'sfdisk',
  ],
  links: {
    ...Object.fromEntries(KMOD_NAMES.map((name) => [`bin/${name}`, 'kmod'])),
    'lib/kmod/modprobe': '../../bin/kmod',
    ...Object.fromEntries(['ext2', 'ext3', 'ext4'].map((type) => [`bin/mkfs.${type}`, 'mke2fs'])),
    ...Object.fromEntries(['ext2', 'ext3', 'ext4'].map((type) => [`bin/fsck.${type}`, 'e2fsck'])),
    'bin/mkfs.vfat': 'mkfs.fat',
    'etc/mtab': '/proc/self/mounts',
  },
  dataFiles: [
    'etc/mke2fs.conf',
    'usr/lib/locale/C.utf8/LC_CTYPE',
    'lib/terminfo/l/linux',
    'lib/terminfo/v/vt100',
    'lib/terminfo/v/vt220',
    'lib/terminfo/x/xterm',
    'lib/terminfo/x/xterm-256color',
  ],
  modules: [
    ...[
      'virtio_pci',
      'virtio_blk',
      'virtio_scsi',
      'virtio_net',
      'virtio_balloon',
      'virtio_mem',
      'virtio_console',
    ],
    ...['virtio_rng', 'virtio_input', 'failover', 'net_failover'],
    ...['ahci', 'ata_piix', 'ata_generic', 'sym53c8xx', 'am53c974', 'megaraid_sas', 'mptspi', 'vmw_pvscsi'],
    ...['nvme', 'floppy', 'loop', 'i6300esb', 'ib700wdt', 'parport_pc', 'lp'],
    ...['sd_mod', 'sg', 'sr_mod'],
    ...['uhci_hcd', 'ohci_pci', 'ehci_pci', 'xhci_pci', 'usb_storage', 'uas', 'usbhid', 'hid_generic'],
    ...['usbnet', 'cdc_ether', 'rndis_host', 'usbserial', 'ftdi_sio'],
    ...['e1000', 'e1000e', 'igb', '8139cp', '8139too', 'ne2k_pci', 'pcnet32', 'vmxnet3', 'af_packet'],
    ...['button', 'evdev', 'psmouse', 'shpchp'],
    ...['ext4', 'vfat', 'isofs', 'nls_cp437', 'nls_iso8859_1', 'nls_ascii', 'nls_utf8'],
    ...['crc32c_generic', 'crc32c_intel', 'crct10dif_generic', 'crc64_rocksoft', 'crc64_rocksoft_generic'],
  ],
  vendors: {
    pci: [
      ...[
        '1000',
        '1013',
        '1022',
        '1033',
        '104c',
        '106b',
        '10ec',
        '1106',
        '1100',
        '11ab',
        '1234',
        '144d',
        '15ad',
      ],
      ...['1912', '1af4', '1b36', '1d1d', '4040', '8086'],
    ],
    usb: ['03F0', '0403', '0409', '0525', '056A', '0627', '08E6', '0A5C', '1D6B', '46F4'],
  },
  append: KERNEL_ARGUMENTS.join(' '),
  memoryMiB: MEMORY_MIB,
  // With room, so that a visitor can plug in processors and memory.
  machine: `-smp 1,maxcpus=4 -m ${MEMORY_MIB},slots=4,maxmem=2G`,
  terminalSize: { port: 1, append: 'terminal.size=ttyS1' },
};

/** For tests of 32-bit guests: Debian's kernel for processors without PAE, which has no PVH entry. */
const DEBIAN_I386: ImageSpec = {
  ...DEBIAN_AMD64,
  name: 'debian-i386',
  architecture: 'i386',
  triplet: 'i386-linux-gnu',
  kernel: 'linux-image-686',
  kernelFormat: 'bzimage',
  packages: [
    'bash',
    'busybox',
    'kmod',
    'libc-bin',
    'ncurses-base',
    'pci.ids',
    'pciutils',
    'udev',
    'util-linux',
    'xz-utils',
  ],
  tools: ['bash', 'dmesg', 'kmod', 'lsblk', 'lscpu', 'lspci', 'setpci'],
  links: {
    ...Object.fromEntries(KMOD_NAMES.map((name) => [`bin/${name}`, 'kmod'])),
    'lib/kmod/modprobe': '../../bin/kmod',
    'etc/mtab': '/proc/self/mounts',
  },
  dataFiles: [
    'usr/lib/locale/C.utf8/LC_CTYPE',
    'lib/terminfo/v/vt100',
    'lib/terminfo/v/vt220',
    'lib/terminfo/x/xterm',
  ],
  modules: [
    ...['virtio_pci', 'virtio_blk', 'ata_piix', 'ata_generic', 'sd_mod', 'button', 'evdev', 'psmouse'],
    ...['ext4', 'crc32c_generic'],
  ],
};

const IMAGES: readonly ImageSpec[] = [DEBIAN_AMD64, DEBIAN_I386];

/** The default image. */
export const DEFAULT_IMAGE = DEBIAN_AMD64.name;

/** Names of all images. */
export const IMAGE_NAMES: readonly string[] = IMAGES.map((image) => image.name);

/** The image of that name, undefined when there is none. */
export function imageSpec(name: string): ImageSpec | undefined {
  return IMAGES.find((image) => image.name === name);
}
