/**
 * What every check of a simulation comes to.
 * @module
 */

/** Something that had to be true. */
export interface Check {
  readonly name: string;
  readonly passed: boolean;
  /** What was found. */
  readonly detail: string;
}
