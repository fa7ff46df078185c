import { expose } from 'comlink';
import { Emulator } from './emulator.ts';

/** The page names the guest's folder in the worker's name: the worker's own address is somewhere in assets/. */
const emulator = new Emulator(self.name);
self.addEventListener('error', (event) => {
  event.preventDefault();
  emulator.reportFault(event.error);
});
self.addEventListener('unhandledrejection', (event) => {
  event.preventDefault();
  emulator.reportFault(event.reason);
});
expose(emulator);
