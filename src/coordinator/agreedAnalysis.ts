/**
 * From the pods that are online to what all of them are asked: datasets, columns, models, the modeller's list.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { vocabularyProblems } from '../protocols/index.ts';
import { type Analysis, type LocalAnalysis, type LocalSettings, localTrainingOf } from '../tasks/index.ts';
import { Trainer } from '../training/index.ts';
import { agreeAmong } from './agreedTask.ts';
import { Evaluation } from './evaluation.ts';
import { Inference } from './inference.ts';
import { type IdentifierList, readIdentifiers } from './intersect.ts';
import type { Members } from './members.ts';
import { offersOf, releasedBy, resolveAmong, resolveData } from './resolveData.ts';

/** A task as it is sent, and what the modeller's side of its algorithm works with. */
export interface AgreedAnalysis {
  readonly task: Analysis;
  /** Of an intersection with the modeller's list. */
  readonly list?: IdentifierList;
  readonly inference?: Inference;
  readonly evaluation?: Evaluation;
  /** That goes to the pods with the task. */
  readonly model?: Uint8Array;
}

export interface AgreementOptions {
  readonly runId: string;
  readonly members: Members;
  readonly signal: AbortSignal;
  /** Writes a file of the run. @returns its path. */
  readonly write: (name: string, content: Uint8Array) => string;
}

/** @throws KonsilError COHORT_TOO_SMALL when no pod answers, CONFIG_INVALID when the task fits none of them, FILE_NOT_FOUND, MODEL_*. */
export async function agreeOnAnalysis(
  { local, ...task }: LocalAnalysis,
  { runId, members, signal, write }: AgreementOptions,
): Promise<AgreedAnalysis> {
  const offers = await offersOf(members, 1_000 * task.deadlines.join);
  const refuse = (member: (typeof offers)[number]['member'], reason: string): void => members.refuse(member, reason);
  const { algorithm } = task;
  switch (algorithm.name) {
    case 'PrivateSetIntersection': {
      if (algorithm.amongPods) return { task };
      const list = await readIdentifiers(algorithm, local.identifiersFile!, signal);
      return { task: { ...task, algorithm: { ...algorithm, identifiers: list.size } }, list };
    }
    case 'ModelInference': {
      const inference = await Inference.open(algorithm, local.modelFiles ?? []);
      return { task: { ...task, algorithm: inference.algorithm }, inference };
    }
    case 'ModelEvaluation': {
      const evaluation = await Evaluation.open(runId, algorithm, local.modelFiles ?? []);
      const dataStructure = resolveAmong(offers, refuse, (schema, pod) =>
        resolveData(algorithm.dataStructure, schema, local.file, pod, releasedBy(offers)),
      );
      return { task: { ...task, algorithm: { ...evaluation.algorithm, dataStructure } }, evaluation };
    }
    case 'ModelTrainingAndEvaluation': {
      const training = { ...localTrainingOf(task, algorithm), local: withModelFile(local) };
      const { resolved } = await agreeAmong(training, members, offers, Trainer.create, signal);
      const { task: agreed, model } = resolved;
      const evaluation = Evaluation.ofTraining(runId, algorithm, resolved, (pod, bytes) =>
        write(`models/${pod}.onnx`, bytes),
      );
      const { dataStructure } = agreed;
      return { task: { ...task, algorithm: { ...evaluation.algorithm, dataStructure } }, evaluation, model };
    }
    case 'FederatedStatistics': {
      const dataStructure = resolveAmong(offers, refuse, (schema, pod) => {
        const problems = vocabularyProblems(algorithm, schema);
        if (problems.length > 0)
          throw new KonsilError('CONFIG_INVALID', `${local.file}: the dataset of ${pod} has ${problems.join('; ')}`);
        return resolveData(algorithm.dataStructure, schema, local.file, pod);
      });
      return { task: { ...task, algorithm: { ...algorithm, dataStructure } } };
    }
    case 'SqlQuery':
    case 'PrivateSqlQuery':
      return { task };
  }
}

/** As of a task that trains one model. */
function withModelFile({ modelFiles: [file] = [], ...local }: LocalSettings): LocalSettings {
  return { ...local, ...(file !== undefined && { modelFile: file }) };
}
