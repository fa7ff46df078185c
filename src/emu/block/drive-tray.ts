/** The tray of a drive whose medium can be changed: what the user's commands ask of the device. QEMU: BlockDevOps. */

export interface DriveTray {
  readonly isOpen: boolean;
  /** The guest has said that the medium must stay. */
  readonly isLocked: boolean;
  /** The guest is asked to let the medium go; with `force` it is not locked any more. */
  requestEject(force: boolean): void;
  /** The user opens the tray, or closes it over a medium. */
  move(open: boolean): void;
}
