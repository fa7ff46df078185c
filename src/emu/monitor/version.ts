/** The QEMU whose words the program speaks, and monitors that are not told otherwise. */
export const QEMU_VERSION = '7.2.22';
/** Of the version: it names us. */
export const VERSION_PACKAGE = 'Hotslot';

/** As `info version` tells it. Scripts parse it. */
export const versionText = (version: string): string => `${version}${VERSION_PACKAGE}`;
