/**
 * Sections on what a trained model gives: its curves, and who was called what. They are those of evaluations.
 * @module
 */

import type { Findings } from './evaluation/record.ts';
import { curvesOfModel } from './evaluation/sectionCurves.ts';
import { classTable, matricesOfModel } from './evaluation/sectionMetrics.ts';
import type { Content } from './markup.ts';
import type { RunResult } from './result.ts';

/** The federated model on the test rows of all sites, as an evaluation has it. */
const foundIn = ({ evaluated }: RunResult): Findings => ({
  pooled: evaluated ?? null,
  sites: [],
});

const isLocal = ({ mode }: RunResult): boolean => mode === 'local';

export const renderThresholds = (result: RunResult): Content =>
  curvesOfModel(foundIn(result), 0, isLocal(result) ? 'this site' : 'all hospitals');

export const renderClasses = ({ evaluated }: RunResult): Content =>
  evaluated?.perClass && classTable(evaluated.perClass);

export const renderCalls = (result: RunResult): Content =>
  matricesOfModel(result.problem.classes, foundIn(result), isLocal(result) ? 'This site' : 'All hospitals');
