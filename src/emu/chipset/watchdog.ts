/** What all watchdogs do when they were not fed in time: the machine's user has chosen it. */
import { ServiceName } from '../qdev/services.ts';

/** Told when a watchdog's time is over. */
export type WatchdogExpiry = () => void;

export const WATCHDOG_EXPIRY = new ServiceName<WatchdogExpiry>('watchdog-expiry');
