/** Types of objects as QEMU 7.2 has them; recorded by scripts/record-types.ts, not to be edited by hand. */

/** A line for each: its name, its parent, whether it is abstract, and the interfaces that it has beside its parent's. */
export const TYPE_TABLE = `
486-v1-x86_64-cpu x86_64-cpu
486-x86_64-cpu x86_64-cpu
Broadwell-IBRS-x86_64-cpu x86_64-cpu
Broadwell-noTSX-IBRS-x86_64-cpu x86_64-cpu
Broadwell-noTSX-x86_64-cpu x86_64-cpu
Broadwell-v1-x86_64-cpu x86_64-cpu
Broadwell-v2-x86_64-cpu x86_64-cpu
Broadwell-v3-x86_64-cpu x86_64-cpu
Broadwell-v4-x86_64-cpu x86_64-cpu
Broadwell-x86_64-cpu x86_64-cpu
Cascadelake-Server-noTSX-x86_64-cpu x86_64-cpu
Cascadelake-Server-v1-x86_64-cpu x86_64-cpu
Cascadelake-Server-v2-x86_64-cpu x86_64-cpu
Cascadelake-Server-v3-x86_64-cpu x86_64-cpu
Cascadelake-Server-v4-x86_64-cpu x86_64-cpu
Cascadelake-Server-v5-x86_64-cpu x86_64-cpu
Cascadelake-Server-x86_64-cpu x86_64-cpu
Conroe-v1-x86_64-cpu x86_64-cpu
Conroe-x86_64-cpu x86_64-cpu
Cooperlake-v1-x86_64-cpu x86_64-cpu
Cooperlake-v2-x86_64-cpu x86_64-cpu
Cooperlake-x86_64-cpu x86_64-cpu
Denverton-v1-x86_64-cpu x86_64-cpu
Denverton-v2-x86_64-cpu x86_64-cpu
Denverton-v3-x86_64-cpu x86_64-cpu
Denverton-x86_64-cpu x86_64-cpu
Haswell-IBRS-x86_64-cpu x86_64-cpu
Haswell-noTSX-IBRS-x86_64-cpu x86_64-cpu
Haswell-noTSX-x86_64-cpu x86_64-cpu
Haswell-v1-x86_64-cpu x86_64-cpu
Haswell-v2-x86_64-cpu x86_64-cpu
Haswell-v3-x86_64-cpu x86_64-cpu
Haswell-v4-x86_64-cpu x86_64-cpu
Haswell-x86_64-cpu x86_64-cpu
ISA bus
Icelake-Server-noTSX-x86_64-cpu x86_64-cpu
Icelake-Server-v1-x86_64-cpu x86_64-cpu
Icelake-Server-v2-x86_64-cpu x86_64-cpu
Icelake-Server-v3-x86_64-cpu x86_64-cpu
Icelake-Server-v4-x86_64-cpu x86_64-cpu
Icelake-Server-v5-x86_64-cpu x86_64-cpu
Icelake-Server-v6-x86_64-cpu x86_64-cpu
Icelake-Server-x86_64-cpu x86_64-cpu
IvyBridge-IBRS-x86_64-cpu x86_64-cpu
IvyBridge-v1-x86_64-cpu x86_64-cpu
IvyBridge-v2-x86_64-cpu x86_64-cpu
IvyBridge-x86_64-cpu x86_64-cpu
KnightsMill-v1-x86_64-cpu x86_64-cpu
KnightsMill-x86_64-cpu x86_64-cpu
Nehalem-IBRS-x86_64-cpu x86_64-cpu
Nehalem-v1-x86_64-cpu x86_64-cpu
Nehalem-v2-x86_64-cpu x86_64-cpu
Nehalem-x86_64-cpu x86_64-cpu
Opteron_G1-v1-x86_64-cpu x86_64-cpu
Opteron_G1-x86_64-cpu x86_64-cpu
Opteron_G2-v1-x86_64-cpu x86_64-cpu
Opteron_G2-x86_64-cpu x86_64-cpu
Opteron_G3-v1-x86_64-cpu x86_64-cpu
Opteron_G3-x86_64-cpu x86_64-cpu
Opteron_G4-v1-x86_64-cpu x86_64-cpu
Opteron_G4-x86_64-cpu x86_64-cpu
Opteron_G5-v1-x86_64-cpu x86_64-cpu
Opteron_G5-x86_64-cpu x86_64-cpu
PCI bus
PIIX3 pci-piix3
PIIX4_PM pci-device +acpi-device-interface +hotplug-handler +conventional-pci-device
Penryn-v1-x86_64-cpu x86_64-cpu
Penryn-x86_64-cpu x86_64-cpu
SandyBridge-IBRS-x86_64-cpu x86_64-cpu
SandyBridge-v1-x86_64-cpu x86_64-cpu
SandyBridge-v2-x86_64-cpu x86_64-cpu
SandyBridge-x86_64-cpu x86_64-cpu
Skylake-Client-IBRS-x86_64-cpu x86_64-cpu
Skylake-Client-noTSX-IBRS-x86_64-cpu x86_64-cpu
Skylake-Client-v1-x86_64-cpu x86_64-cpu
Skylake-Client-v2-x86_64-cpu x86_64-cpu
Skylake-Client-v3-x86_64-cpu x86_64-cpu
Skylake-Client-v4-x86_64-cpu x86_64-cpu
Skylake-Client-x86_64-cpu x86_64-cpu
Skylake-Server-IBRS-x86_64-cpu x86_64-cpu
Skylake-Server-noTSX-IBRS-x86_64-cpu x86_64-cpu
Skylake-Server-v1-x86_64-cpu x86_64-cpu
Skylake-Server-v2-x86_64-cpu x86_64-cpu
Skylake-Server-v3-x86_64-cpu x86_64-cpu
Skylake-Server-v4-x86_64-cpu x86_64-cpu
Skylake-Server-v5-x86_64-cpu x86_64-cpu
Skylake-Server-x86_64-cpu x86_64-cpu
Snowridge-v1-x86_64-cpu x86_64-cpu
Snowridge-v2-x86_64-cpu x86_64-cpu
Snowridge-v3-x86_64-cpu x86_64-cpu
Snowridge-v4-x86_64-cpu x86_64-cpu
Snowridge-x86_64-cpu x86_64-cpu
System bus
Westmere-IBRS-x86_64-cpu x86_64-cpu
Westmere-v1-x86_64-cpu x86_64-cpu
Westmere-v2-x86_64-cpu x86_64-cpu
Westmere-x86_64-cpu x86_64-cpu
athlon-v1-x86_64-cpu x86_64-cpu
athlon-x86_64-cpu x86_64-cpu
base-x86_64-cpu x86_64-cpu
bus object abstract +resettable
container object
core2duo-v1-x86_64-cpu x86_64-cpu
core2duo-x86_64-cpu x86_64-cpu
coreduo-v1-x86_64-cpu x86_64-cpu
coreduo-x86_64-cpu x86_64-cpu
cpu device abstract
device object abstract +resettable +vmstate-if
fw_cfg sys-bus-device abstract
fw_cfg_io fw_cfg
generic-pc-machine x86-machine abstract +hotplug-handler
hpet sys-bus-device
i440FX pci-device +conventional-pci-device
i440FX-pcihost pci-host-bridge
i8042 isa-device +acpi-dev-aml-interface
i8257 isa-device +isa-dma
ioapic ioapic-common
ioapic-common sys-bus-device abstract +intctrl
isa-device device abstract
isa-i8259 pic-common
isa-pcspk isa-device
isa-pit pit-common
isa-serial isa-device +acpi-dev-aml-interface
kvm32-v1-x86_64-cpu x86_64-cpu
kvm32-x86_64-cpu x86_64-cpu
kvm64-v1-x86_64-cpu x86_64-cpu
kvm64-x86_64-cpu x86_64-cpu
machine object abstract
max-x86_64-cpu x86_64-cpu
mc146818rtc isa-device +acpi-dev-aml-interface
memory-backend object abstract +user-creatable
memory-backend-ram memory-backend
n270-v1-x86_64-cpu x86_64-cpu
n270-x86_64-cpu x86_64-cpu
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
pci-device device abstract
pci-host-bridge sys-bus-device abstract
pci-ide pci-device abstract +conventional-pci-device
pci-piix3 pci-device abstract +acpi-dev-aml-interface +conventional-pci-device
pentium-v1-x86_64-cpu x86_64-cpu
pentium-x86_64-cpu x86_64-cpu
pentium2-v1-x86_64-cpu x86_64-cpu
pentium2-x86_64-cpu x86_64-cpu
pentium3-v1-x86_64-cpu x86_64-cpu
pentium3-x86_64-cpu x86_64-cpu
phenom-v1-x86_64-cpu x86_64-cpu
phenom-x86_64-cpu x86_64-cpu
pic-common isa-device abstract +intctrl
piix3-ide pci-ide
pit-common isa-device abstract
port92 isa-device
ps2-device sys-bus-device abstract
ps2-kbd ps2-device
ps2-mouse ps2-device
pvpanic isa-device +acpi-dev-aml-interface
pvpanic-pci pci-device +conventional-pci-device
qemu32-v1-x86_64-cpu x86_64-cpu
qemu32-x86_64-cpu x86_64-cpu
qemu64-v1-x86_64-cpu x86_64-cpu
qemu64-x86_64-cpu x86_64-cpu
rng-backend object abstract +user-creatable
rng-builtin rng-backend
rng-random rng-backend
sys-bus-device device abstract
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
virtio-pci pci-device abstract
virtio-rng-device virtio-device
virtio-rng-pci virtio-rng-pci-base +pci-express-device +conventional-pci-device
virtio-rng-pci-base virtio-pci abstract
virtio-serial-bus bus
virtio-serial-device virtio-device +hotplug-handler
virtio-serial-pci virtio-serial-pci-base +pci-express-device +conventional-pci-device
virtio-serial-pci-base virtio-pci abstract
virtio-serial-port device abstract
virtserialport virtio-serial-port
x86-machine machine abstract +nmi
x86_64-cpu cpu abstract
`;
