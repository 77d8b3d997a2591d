/**
 * Training of ONNX models: what other folders may use.
 * @module
 */
export { compile } from './compile.ts';
export { type ExportOptions, exportModel, writeParameters } from './export.ts';
export { type InspectedModel, type InspectedPort, inspectModel } from './inspect.ts';
export { type Layout, type LayoutEntry } from './layout.ts';
export { LOSS_KINDS, type LossKind } from './losses/losses.ts';
export type { AdamSpec, ClipSpec, OptimiserSpec, SgdSpec } from './optim/optimisers.ts';
export type { CompileOptions } from './options.ts';
export type { DropoutMask, ProgramPort, TrainingProgram } from './program.ts';
export type { Budget, Features, GradientResult, Samples, Targets, TrainResult } from './runtime/messages.ts';
export { type TrainCall, Trainer, type TrainerOptions } from './runtime/trainer.ts';
export { builtinMlp, type MlpSpec } from './zoo/tabular.ts';
export { ZOO, type ZooModel, zooModel } from './zoo/zoo.ts';
