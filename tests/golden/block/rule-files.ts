/** Files of rules for `blkdebug`, by their names in /tmp: what QEMU is given when it is recorded, and what our machine is given. */
export const RULE_FILES: Readonly<Record<string, string>> = {
  'rules.conf': '# one\n\n[inject-error]\n  event = "read_aio"\n  errno = "28"\n',
  'unknown-event.conf': '[inject-error]\nevent = "nosuch"\n',
  'no-event.conf': '[inject-error]\nerrno = "5"\n',
  'group.conf': '[foo]\nerrno = "5"\n',
  'no-group.conf': 'errno = "5"\n',
  'option.conf': '[inject-error]\nevent = "read_aio"\nbogus = "5"\n',
  'number.conf': '[inject-error]\nevent = "read_aio"\nerrno = "x"\n',
  'flag.conf': '[inject-error "a"]\nevent = "read_aio"\nonce = "maybe"\n',
  'no-state.conf': '[set-state]\nevent = "read_aio"\n',
  'no-quotes.conf': '[inject-error]\nevent = read_aio\n',
  'no-space.conf': '[inject-error]\nevent="read_aio"\n',
  'io-type.conf': '[inject-error]\nevent = "read_aio"\niotype = "nosuch"\n',
  'empty.conf': '',
};
