import { describe, expect, it } from 'vitest';
import { dependencyNames, packageOf, parseStanzas, parseUris } from '../../scripts/images/apt.ts';
import { trimPciIds, trimUsbRules } from '../../scripts/images/device-names.ts';
import { licenceOf } from '../../scripts/images/licence.ts';

describe('apt', () => {
  it('reads packages, their sources and dependencies', () => {
    const text = `Package: lsof
Source: lsof-src (4.95)
Version: 4.95-1+b1
Pre-Depends: libc6 (>= 2.34) [amd64]
Depends: libselinux1 (>= 3.1~),
 a-first | b-second
Description: text
 .
 More: text

Package: pci.ids
Version: 0.0~2023
`;
    expect(parseStanzas(text).map(packageOf)).toEqual([
      {
        name: 'lsof',
        version: '4.95-1+b1',
        source: 'lsof-src 4.95',
        depends: ['libc6', 'libselinux1', 'a-first'],
      },
      { name: 'pci.ids', version: '0.0~2023', source: 'pci.ids 0.0~2023', depends: [] },
    ]);
    expect(parseStanzas('')).toEqual([]);
    expect(dependencyNames('')).toEqual([]);
  });

  it('reads what it would download', () => {
    const sha256 = 'ab'.repeat(32);
    const line = `'http://deb.debian.org/x/kmod_30%2b1_amd64.deb' kmod_30+1_amd64.deb 92716 SHA256:${sha256}\n`;
    expect(parseUris(`Reading lists\n${line}`)).toEqual([
      { file: 'kmod_30+1_amd64.deb', sizeBytes: 92716, sha256 },
    ]);
  });
});

describe('device names', () => {
  it('keeps the vendors asked for, the classes, and the subsystems of QEMU', () => {
    const ids = `# comment
1000  LSI
\t0012  53c895a
\t\t1000 1000  LSI8952U
\t\t1af4 1100  QEMU
1002  AMD
\t4150  Radeon

C 01  Mass storage controller
\t00  SCSI
`;
    expect(trimPciIds(ids, ['1000'])).toBe(
      '1000  LSI\n\t0012  53c895a\n\t\t1af4 1100  QEMU\nC 01  Mass storage controller\n\t00  SCSI\n',
    );
  });

  it('keeps whole records of the USB vendors asked for', () => {
    const rules = `# comment

usb:v0001*
 ID_VENDOR_FROM_DATABASE=One

usb:v46F4*
 ID_VENDOR_FROM_DATABASE=QEMU

usb:v46F4p0001*
 ID_MODEL_FROM_DATABASE=Storage
`;
    expect(trimUsbRules(rules, ['46F4', '0627'])).toBe(
      'usb:v46F4*\n ID_VENDOR_FROM_DATABASE=QEMU\n\nusb:v46F4p0001*\n ID_MODEL_FROM_DATABASE=Storage\n\n',
    );
  });
});

describe('licences', () => {
  it('lists the fields of a machine-readable copyright file', () => {
    expect(
      licenceOf('x', 'Files: *\nLicense: GPL-2+\n text\n\nLicense: BSD-3-clause\n\nLicense: GPL-2+\n'),
    ).toBe('BSD-3-clause, GPL-2+');
  });

  it('otherwise names the common licences, or where to read', () => {
    expect(licenceOf('busybox', 'License:\n\n see `/usr/share/common-licenses/GPL-2.\n')).toBe('GPL-2');
    expect(licenceOf('y', 'ask the author')).toBe('see /usr/share/doc/y/copyright');
    expect(licenceOf('y')).toBe('see /usr/share/doc/y/copyright');
  });
});
