/** All sessions that are recorded with QEMU and played to ours. */

import { AM53C974_SESSIONS } from './am53c974.ts';
import { BLOCK_ERROR_SESSIONS } from './block-errors.ts';
import type { DrivenSession } from './steps.ts';

export const DRIVEN_SESSIONS: readonly DrivenSession[] = [...BLOCK_ERROR_SESSIONS, ...AM53C974_SESSIONS];
