/**
 * What one algorithm of a task that asks computes from a site's data.
 * @module
 */
import type { PublicFacts, ResultTable, StepSum } from '../../protocols/index.ts';

export interface SiteAnalysis {
  /** What the site adds to the sum of a step. @throws KonsilError with a message the modeller may read. */
  input(step: number, given: PublicFacts, signal: AbortSignal): Promise<StepSum>;
  /** The site's own result. @throws KonsilError with a message the modeller may read. */
  result(signal: AbortSignal): Promise<ResultTable>;
  /** Puts on the site's accounts what leaves next. @throws KonsilError FILE_WRITE_FAILED: then nothing may leave. */
  charge?(): void;
  /** Never rejects. */
  close(): Promise<void>;
}
