/** The QEMU whose words the monitor speaks. Scripts parse both; the package part names us. */
export const QEMU_VERSION = '7.2.22';
export const VERSION_TEXT = `${QEMU_VERSION}Hotslot`;
