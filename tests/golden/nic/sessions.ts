/** All sessions with network cards, which the recorder plays to QEMU 7.2 and the test to our cards. */
import { E1000_SESSIONS } from './e1000-sessions.ts';
import { E1000E_SESSIONS } from './e1000e-sessions.ts';
import { NE2000_SESSIONS } from './ne2000-sessions.ts';
import { PCNET_SESSIONS } from './pcnet-sessions.ts';
import { RTL8139_SESSIONS } from './rtl8139-sessions.ts';

export interface NicSession {
  readonly name: string;
  readonly lines: readonly string[];
}

export const NIC_SESSIONS: readonly NicSession[] = [
  ...E1000_SESSIONS,
  ...E1000E_SESSIONS,
  ...RTL8139_SESSIONS,
  ...NE2000_SESSIONS,
  ...PCNET_SESSIONS,
];
