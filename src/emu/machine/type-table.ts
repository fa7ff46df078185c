/** Types of objects as QEMU 7.2 has them, but for models of processors; recorded by scripts/record-types.ts, not to be edited by hand. */

/** A line for each: its name, its parent, whether it is abstract, and the interfaces that it has beside its parent's. */
export const TYPE_TABLE = `
IDE bus
ISA bus
PCI bus
PIIX3 pci-piix3
PIIX4_PM pci-device +acpi-device-interface +hotplug-handler +conventional-pci-device
SCSI bus +hotplug-handler
System bus
am53c974 pci-device +conventional-pci-device
base-pci-bridge pci-device abstract
bus object abstract +resettable
cfi.pflash01 sys-bus-device
container object
cpu device abstract
dc390 am53c974
device object abstract +resettable +vmstate-if
e1000 e1000-base
e1000-82544gc e1000-base
e1000-82545em e1000-base
e1000-base pci-device abstract +conventional-pci-device
e1000e pci-device +pci-express-device
filter-dump netfilter
floppy device
floppy-bus bus
fw_cfg sys-bus-device abstract
fw_cfg_io fw_cfg
generic-pc-machine x86-machine abstract +hotplug-handler
hpet sys-bus-device
i440FX pci-device +conventional-pci-device
i440FX-pcihost pci-host-bridge
i6300esb pci-device +conventional-pci-device
i8042 isa-device +acpi-dev-aml-interface
i8257 isa-device +isa-dma
i82801b11-bridge base-pci-bridge +conventional-pci-device
ib700 isa-device
ich9-ahci pci-device +conventional-pci-device
ich9-usb-ehci1 pci-ehci-usb
ich9-usb-ehci2 pci-ehci-usb
ich9-usb-uhci1 pci-uhci-usb
ich9-usb-uhci2 pci-uhci-usb
ich9-usb-uhci3 pci-uhci-usb
ich9-usb-uhci4 pci-uhci-usb
ich9-usb-uhci5 pci-uhci-usb
ich9-usb-uhci6 pci-uhci-usb
ide-cd ide-device
ide-device device abstract
ide-hd ide-device
ioapic ioapic-common
ioapic-common sys-bus-device abstract +intctrl
isa-debug-exit isa-device
isa-device device abstract
isa-fdc isa-device +acpi-dev-aml-interface
isa-i8259 pic-common
isa-pcspk isa-device
isa-pit pit-common
isa-serial isa-device +acpi-dev-aml-interface
lsi53c895a pci-device +conventional-pci-device
machine object abstract
mc146818rtc isa-device +acpi-dev-aml-interface
memory-backend object abstract +user-creatable
memory-backend-ram memory-backend
ne2k_pci pci-device +conventional-pci-device
nec-usb-xhci pci-xhci
netfilter object abstract +user-creatable
nvme pci-device +pci-express-device
nvme-bus bus
nvme-ns device
object - abstract
pc-dimm device +memory-device
pc-i440fx-2.10-machine generic-pc-machine
pc-i440fx-2.11-machine generic-pc-machine
pc-i440fx-2.12-machine generic-pc-machine
pc-i440fx-2.7-machine generic-pc-machine
pc-i440fx-2.8-machine generic-pc-machine
pc-i440fx-2.9-machine generic-pc-machine
pc-i440fx-3.0-machine generic-pc-machine
pc-i440fx-3.1-machine generic-pc-machine
pc-i440fx-4.0-machine generic-pc-machine
pc-i440fx-4.1-machine generic-pc-machine
pc-i440fx-4.2-machine generic-pc-machine
pc-i440fx-5.0-machine generic-pc-machine
pc-i440fx-5.1-machine generic-pc-machine
pc-i440fx-5.2-machine generic-pc-machine
pc-i440fx-6.0-machine generic-pc-machine
pc-i440fx-6.1-machine generic-pc-machine
pc-i440fx-6.2-machine generic-pc-machine
pc-i440fx-7.0-machine generic-pc-machine
pc-i440fx-7.1-machine generic-pc-machine
pc-i440fx-7.2-machine generic-pc-machine
pc-testdev isa-device
pci-bridge base-pci-bridge +hotplug-handler +conventional-pci-device
pci-device device abstract
pci-ehci-usb pci-device abstract +conventional-pci-device
pci-host-bridge sys-bus-device abstract
pci-ide pci-device abstract +conventional-pci-device
pci-piix3 pci-device abstract +acpi-dev-aml-interface +conventional-pci-device
pci-serial pci-device +conventional-pci-device
pci-serial-2x pci-device +conventional-pci-device
pci-serial-4x pci-device +conventional-pci-device
pci-uhci-usb pci-device abstract +conventional-pci-device
pci-xhci pci-device abstract +pci-express-device +conventional-pci-device
pcnet pci-device +conventional-pci-device
pic-common isa-device abstract +intctrl
piix3-ide pci-ide
piix3-usb-uhci pci-uhci-usb
piix4-usb-uhci pci-uhci-usb
pit-common isa-device abstract
port92 isa-device
ps2-device sys-bus-device abstract
ps2-kbd ps2-device
ps2-mouse ps2-device
pvpanic isa-device +acpi-dev-aml-interface
pvpanic-pci pci-device +conventional-pci-device
qemu-xhci pci-xhci
rng-backend object abstract +user-creatable
rng-builtin rng-backend
rng-random rng-backend
rtl8139 pci-device +conventional-pci-device
scsi-block scsi-disk-base
scsi-cd scsi-disk-base
scsi-device device abstract
scsi-disk-base scsi-device abstract
scsi-generic scsi-device
scsi-hd scsi-disk-base
sys-bus-device device abstract
usb-bot usb-storage-dev
usb-bus bus +hotplug-handler
usb-device device abstract
usb-ehci pci-ehci-usb
usb-hid usb-device abstract
usb-hub usb-device
usb-kbd usb-hid
usb-mouse usb-hid
usb-serial usb-serial-dev
usb-serial-dev usb-device abstract
usb-storage usb-storage-dev
usb-storage-dev usb-device abstract
usb-tablet usb-hid
usb-uas usb-device
virtconsole virtserialport
virtio-balloon-device virtio-device
virtio-balloon-pci virtio-balloon-pci-base +pci-express-device +conventional-pci-device
virtio-balloon-pci-base virtio-pci abstract
virtio-blk-device virtio-device
virtio-blk-pci virtio-blk-pci-base +pci-express-device +conventional-pci-device
virtio-blk-pci-base virtio-pci abstract
virtio-bus bus abstract
virtio-device device abstract
virtio-mem virtio-device +qemu:ram-discard-manager
virtio-mem-pci virtio-mem-pci-base +pci-express-device +conventional-pci-device
virtio-mem-pci-base virtio-pci abstract +memory-device
virtio-net-device virtio-device
virtio-net-pci virtio-net-pci-base +pci-express-device +conventional-pci-device
virtio-net-pci-base virtio-pci abstract
virtio-pci pci-device abstract
virtio-rng-device virtio-device
virtio-rng-pci virtio-rng-pci-base +pci-express-device +conventional-pci-device
virtio-rng-pci-base virtio-pci abstract
virtio-scsi-common virtio-device abstract
virtio-scsi-device virtio-scsi-common +hotplug-handler
virtio-scsi-pci virtio-scsi-pci-base +pci-express-device +conventional-pci-device
virtio-scsi-pci-base virtio-pci abstract
virtio-serial-bus bus
virtio-serial-device virtio-device +hotplug-handler
virtio-serial-pci virtio-serial-pci-base +pci-express-device +conventional-pci-device
virtio-serial-pci-base virtio-pci abstract
virtio-serial-port device abstract
virtserialport virtio-serial-port
x86-machine machine abstract +nmi
x86_64-cpu cpu abstract
`;
