/**
 * The simulator as a library: a scenario in, what came of it out.
 * @module
 */
export type { FaultEntry } from './faults/driver.ts';
export type { SimulationEvent, SimulationOptions } from './options.ts';
export type { AttackResult, PrivacyTestResult, UniformityResult } from './privacy/result.ts';
export { writeReports } from './report/files.ts';
export { type ExtraSection, renderSimulation } from './report/html.ts';
export { renderJUnit } from './report/junit.ts';
export { SimulationView, verdictLines } from './report/terminal.ts';
export type { Baselines, Check, SimulatedPod, SimulatedRound, SimulationResult, VariantResult } from './result.ts';
export { runScenario } from './run.ts';
export { parseScenario, readScenario, type Scenario, type Variant } from './scenario/scenario.ts';
