/**
 * Training of ONNX and TensorFlow.js models: what other folders may use.
 * @module
 */
export { compile } from './compile.ts';
export type { Flops, StepCost, StepMemory } from './cost.ts';
export { type ExportOptions, exportModel, writeParameters } from './export.ts';
export { type InspectedModel, type InspectedPort, inspectModel } from './inspect.ts';
export { type Adapter, type Layout, type LayoutEntry } from './layout.ts';
export type { LoraSpec } from './lora.ts';
export { LOSS_KINDS, type LossKind, type LossOptions, type LossSpec } from './losses/spec.ts';
export { exportModelFiles, inspectTfjsFile, type ModelFile, modelKindOf, readModelFile } from './modelFile.ts';
export type { ClipSpec } from './optim/clip.ts';
export { type ScheduleSpec, scheduleFactor } from './optim/schedule.ts';
export type { AdagradSpec, AdamSpec, OptimiserSpec, RmspropSpec, SgdSpec } from './optim/spec.ts';
export type { CompileOptions } from './options.ts';
export { gatherStretches, type Stretch, scatterStretches, sharedPart } from './parts.ts';
export type { PrivacySpec } from './privacy/spec.ts';
export type { DropoutMask, ProgramPort, TrainingProgram } from './program.ts';
export { DEVICES, type DeviceChoice } from './runtime/deviceNames.ts';
export { graphPorts } from './runtime/graphPorts.ts';
export type {
  Budget,
  Fallback,
  Features,
  GradientResult,
  LoadedModel,
  OpenProgram,
  OptimiserState,
  Samples,
  Targets,
  TrainResult,
} from './runtime/messages.ts';
export { type ModelPredictor, type OpenPredictor, Predictor, type PredictorOptions } from './runtime/predictor.ts';
export type { MadeRows, RowData, RowRequest, RowSource } from './runtime/rowSource.ts';
export {
  type ModelTrainer,
  type OpenTrainer,
  type TrainCall,
  Trainer,
  type TrainerOptions,
} from './runtime/trainer.ts';
export { nextControl, type ScaffoldRound, scaffoldCorrection } from './scaffold.ts';
export { isTfjsModel } from './tfjs/container.ts';
export type { InspectedTfjsModel } from './tfjs/inspect.ts';
export { assessTraining, type Obstacle, type Trainability } from './trainability.ts';
export { builtinMlp, type MlpSpec } from './zoo/tabular.ts';
export { ZOO, type ZooModel, zooModel } from './zoo/zoo.ts';
