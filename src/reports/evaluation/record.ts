/**
 * Types of evaluation.json, as its schemas say them.
 * @module
 */
import type { z } from 'zod';
import type { DeepReadonly } from '../../base/index.ts';
import type { EvaluationRecord } from './schema.ts';

/** The whole record; what each field means is in `schema.ts`. */
export type EvaluationResult = DeepReadonly<z.output<typeof EvaluationRecord>>;

/** A model under evaluation. */
export type EvaluatedModel = EvaluationResult['models'][number];
/** One pod that was asked. */
export type EvaluatedPod = EvaluationResult['cohort'][number];
/** What a site's policy allowed. */
export type EvaluationPolicy = NonNullable<EvaluatedPod['policy']>;
/** A site's rows as it describes them. */
export type SiteData = EvaluationResult['data'][number];
/** What was found of one model. */
export type ModelFindings = EvaluationResult['findings'][number];
/** Figures of each site that gives them, and of all together. */
export type Findings = Pick<ModelFindings, 'pooled' | 'sites'>;
/** Figures of the parts of the rows that a column makes. */
export type Subgroups = ModelFindings['subgroups'][number];
/** A pod's signature over what it answered. */
export type SignedAnswer = EvaluationResult['answers'][number];
