/**
 * What the federation gained, for studies where one person holds all the data (the demo, a benchmark): the same model
 * trained on each site alone and on all rows pooled. Impossible in a real federation; the report says so.
 * @module
 */
import type { RunOutcome } from '../coordinator/index.ts';
import {
  applyStandardiser,
  featureStatistics,
  type OpenDataset,
  openDataset,
  type Subset,
  standardiser,
} from '../datasources/index.ts';
import type { Metrics } from '../metrics/index.ts';
import {
  inputsOf,
  loadSiteData,
  type SiteData,
  scheduleFor,
  seeRows,
  targetsFor,
  trainerOptions,
} from '../protocols/index.ts';
import type { Comparison } from '../reports/index.ts';
import { type PodConfig, splitIdentifier } from '../tasks/index.ts';
import { Trainer } from '../training/index.ts';

interface Site {
  readonly name: string;
  readonly data: SiteData;
  readonly train: Subset;
  readonly test: Subset;
}

/** Trains and evaluates the alternatives to `outcome` on the files of `pods`; null when the run has no model. */
export async function compareWithAlternatives(
  outcome: RunOutcome,
  pods: readonly PodConfig[],
  signal?: AbortSignal,
  open: OpenDataset = openDataset,
): Promise<Comparison | null> {
  const { resolved, facts, parameters } = outcome;
  if (!resolved || !facts || !parameters) return null;
  const { task } = resolved;
  const sites: Site[] = [];
  for (const identifier of task.pods) {
    const { pod, dataset } = splitIdentifier(identifier);
    const config = pods.find(({ name }) => name === pod);
    const chosen = config?.datasources.find(({ name }) => dataset === undefined || name === dataset);
    if (!chosen) continue;
    const source = await open(chosen);
    const data = await loadSiteData(source, task, { signal });
    source.close();
    sites.push({ name: pod, data, train: data.train, test: data.test });
  }
  // images are prepared alike at all sites
  const loader = sites[0]?.data ?? {};
  const allTest = join(sites.map(({ test }) => test));
  // nothing to stay close to where there are no rounds
  const { proximal: _proximal, ...options } = trainerOptions(task, resolved.model, resolved.source);
  const trainer = await Trainer.create(options, signal);
  try {
    const { features } = facts;
    const scaled = (part: Subset, by: Scaling): Subset =>
      by ? { ...part, x: applyStandardiser(part.x, features, by.mean, by.scale) } : part;
    const measure = async (weights: Float32Array, part: Subset, by: Scaling): Promise<Metrics> => {
      const seen = await seeRows(
        { trainer, data: loader, parameters: weights, step: 'test', problem: facts, signal },
        scaled(part, by),
      );
      return seen.metrics;
    };
    const trainOn = async (part: Subset): Promise<{ weights: Float32Array; by: Scaling }> => {
      const by = task.dataStructure.standardise ? standardiser(featureStatistics(part.x, features)) : null;
      const { unit, total, seed } = task.training;
      const result = await trainer.train({
        parameters: trainer.program.initial,
        x: inputsOf(loader, scaled(part, by), 'train'),
        y: targetsFor(task, part.y),
        rows: part.rows,
        budget: unit === 'steps' ? { steps: total } : { epochs: total },
        seed,
        ...scheduleFor(task, part.rows, 0),
        ...(signal && { signal }),
      });
      return { weights: result.parameters, by };
    };
    const pooled = await trainOn(join(sites.map(({ train }) => train)));
    const sitesAlone: Comparison['sitesAlone'][number][] = [];
    for (const { name, train, test } of sites) {
      const alone = await trainOn(train);
      sitesAlone.push({
        name,
        ownTest: await measure(alone.weights, test, alone.by),
        allTest: await measure(alone.weights, allTest, alone.by),
      });
    }
    const federatedBySite = [];
    for (const { name, test } of sites)
      federatedBySite.push({ name, metrics: await measure(parameters, test, outcome.standardiser) });
    return {
      note: 'Computed on this machine, which holds the files of all sites. A real federation cannot make this comparison.',
      pooledTraining: { metrics: await measure(pooled.weights, allTest, pooled.by) },
      sitesAlone,
      federatedAllTest: await measure(parameters, allTest, outcome.standardiser),
      federatedBySite,
    };
  } finally {
    await trainer.close();
  }
}

type Scaling = { readonly mean: Float32Array; readonly scale: Float32Array } | null;

/** All rows of several subsets, one after another. */
function join(parts: readonly Subset[]): Subset {
  const rows = parts.reduce((n, part) => n + part.rows, 0);
  const integers = parts[0]?.y instanceof Int32Array;
  const x = new Float32Array(parts.reduce((n, part) => n + part.x.length, 0));
  const length = parts.reduce((n, part) => n + part.y.length, 0);
  const y = integers ? new Int32Array(length) : new Float32Array(length);
  let [atX, atY] = [0, 0];
  for (const part of parts) {
    x.set(part.x, atX);
    y.set(part.y, atY);
    atX += part.x.length;
    atY += part.y.length;
  }
  const images = parts[0]?.images;
  const handles = parts.flatMap((part) => part.images?.handles ?? []);
  const masks = parts.flatMap((part) => part.images?.masks ?? []);
  return { x, y, rows, ...(images && { images: { ...images, handles, ...(images.masks && { masks }) } }) };
}
