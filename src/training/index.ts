/**
 * Training of ONNX and TensorFlow.js models: what other folders may use.
 * @module
 */
export { builtinMlp, type MlpSpec } from './builtin.ts';
export { type CompileOptions, compile } from './compile.ts';
export { type ExportOptions, exportModel, writeParameters } from './export.ts';
export { type InspectedModel, type InspectedPort, inspectModel } from './inspect.ts';
export { type Layout, type LayoutEntry } from './layout.ts';
export { LOSS_KINDS, type LossKind } from './losses/losses.ts';
export {
  exportModelFiles,
  inspectTfjsFile,
  type ModelFile,
  modelKindOf,
  readModelFile,
} from './modelFile.ts';
export type { AdamSpec, ClipSpec, OptimiserSpec, SgdSpec } from './optim/optimisers.ts';
export type {
  DropoutMask,
  EngineKind,
  Fallback,
  OpenProgram,
  Program,
  ProgramPort,
  TrainingProgram,
} from './program.ts';
export type { Budget, Features, GradientResult, Samples, Targets, TrainResult } from './runtime/messages.ts';
export { type TrainCall, Trainer, type TrainerOptions } from './runtime/trainer.ts';
export { isTfjsModel } from './tfjs/container.ts';
export type { InspectedTfjsModel } from './tfjs/inspect.ts';
