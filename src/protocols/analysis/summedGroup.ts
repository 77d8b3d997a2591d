/**
 * Sums of a group of rows over sites.
 * @module
 */
import type { SiteStatistics } from '../../metrics/index.ts';

/** The sums of one group. */
export interface SummedGroup {
  readonly statistics: SiteStatistics;
  /** Pods that are in them, and pods that have kept theirs for having too few rows. */
  readonly pods: number;
  readonly withheld: number;
}
