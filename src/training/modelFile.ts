/**
 * Model files on the modeller's own disk: an ONNX file, a TensorFlow.js model.json with its shards beside it, or a
 * module that builds a Layers model. The module is code: it runs here and nowhere else; what it built is what travels.
 * @module
 */
import { basename, dirname, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { concatBytes, isKonsilError, KonsilError, messageOf } from '../base/index.ts';
import { type ExportOptions, exportModel } from './export.ts';
import { besideModel, readBytes, withWeights } from './externalData.ts';
import type { Layout } from './layout.ts';
import { isObject, isTfjsModel, type JsonObject, unpackTfjs } from './tfjs/container.ts';
import { exportTfjs } from './tfjs/export.ts';
import type { TfjsArtifacts } from './tfjs/import.ts';
import { type InspectedTfjsModel, inspectTopology, manifestWeights } from './tfjs/inspect.ts';

/** Kinds of model file by ending. */
const MODEL_FILE_ENDINGS = { onnx: ['.onnx'], tfjs: ['.json', '.js', '.mjs', '.ts'] } as const;

/** The kind of the model file `path` by its ending; undefined for other files. */
export function modelKindOf(path: string): 'onnx' | 'tfjs' | undefined {
  const ending = extname(path).toLowerCase();
  if (MODEL_FILE_ENDINGS.onnx.some((known) => known === ending)) return 'onnx';
  return MODEL_FILE_ENDINGS.tfjs.some((known) => known === ending) ? 'tfjs' : undefined;
}

function invalid(file: string, what: string, cause?: unknown): KonsilError {
  return new KonsilError('MODEL_INVALID', `${file}: ${what}`, { file }, { cause });
}

async function readJson(file: string): Promise<JsonObject & { readonly modelTopology: JsonObject }> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(await readBytes(file)));
  } catch (cause) {
    if (isKonsilError(cause)) throw cause;
    throw invalid(file, `not JSON: ${messageOf(cause)}`, cause);
  }
  if (isObject(json) && json['format'] === 'graph-model')
    throw new KonsilError(
      'MODEL_UNSUPPORTED',
      `${file}: a TensorFlow.js graph model cannot be trained; export it as a Layers model`,
    );
  if (!isObject(json) || !isObject(json['modelTopology']))
    throw invalid(file, 'not a TensorFlow.js model: expected an object with modelTopology');
  return json as JsonObject & { modelTopology: JsonObject };
}

async function readArtifacts(file: string): Promise<TfjsArtifacts> {
  const { modelTopology, weightsManifest } = await readJson(file);
  if (weightsManifest === undefined) return { modelTopology };
  const groups = Array.isArray(weightsManifest) ? weightsManifest : [];
  const [specs, shards]: [JsonObject[], Uint8Array[]] = [[], []];
  for (const group of groups) {
    if (!isObject(group) || !Array.isArray(group['paths']) || !Array.isArray(group['weights']))
      throw invalid(file, 'weightsManifest has a group without paths or weights');
    for (const path of group['paths']) shards.push(await readBytes(besideModel(file, path)));
    specs.push(...(group['weights'] as JsonObject[]));
  }
  return { modelTopology, weightSpecs: specs, weightData: concatBytes(...shards) };
}

async function runModule(file: string): Promise<unknown> {
  try {
    const module = (await import(pathToFileURL(file).href)) as { default?: unknown };
    return module.default;
  } catch (cause) {
    const hint = extname(file) === '.ts' ? ' (Node.js runs TypeScript from version 22.18 on)' : '';
    throw invalid(file, `cannot be imported${hint}: ${messageOf(cause)}`, cause);
  }
}

/**
 * The bytes of a model file as `Trainer` takes them: an ONNX file with weights from files beside it brought in, a
 * TensorFlow.js model packed.
 *
 * @throws KonsilError FILE_NOT_FOUND, MODEL_INVALID or MODEL_UNSUPPORTED.
 */
export async function readModelFile(file: string): Promise<Uint8Array> {
  if (modelKindOf(file) !== 'tfjs') {
    const bytes = await readBytes(file);
    return modelKindOf(file) === 'onnx' ? withWeights(bytes, file) : bytes;
  }
  const { packArtifacts, packModuleModel } = await import('./tfjs/import.ts');
  if (extname(file).toLowerCase() === '.json') return packArtifacts(await readArtifacts(file), file);
  await readBytes(file); // a missing file is missing, not a module that cannot be imported
  return packModuleModel(await runModule(file), file);
}

/** What is in a TensorFlow.js model file, supported or not. @throws KonsilError FILE_NOT_FOUND or MODEL_INVALID. */
export async function inspectTfjsFile(file: string): Promise<InspectedTfjsModel> {
  if (extname(file).toLowerCase() === '.json') {
    const { modelTopology, weightsManifest } = await readJson(file);
    return inspectTopology(modelTopology, manifestWeights(weightsManifest), file);
  }
  const { topology, weights } = unpackTfjs(await readModelFile(file), file);
  return inspectTopology(topology, weights, file);
}

/** One file of an exported model. */
export interface ModelFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/**
 * The trained model as files called `stem`, the one to open last: for ONNX one file that takes raw features, for
 * TensorFlow.js a model.json and its weights that take standardised ones, with mean and scale in its metadata.
 *
 * @param stem - May begin with folders.
 * @throws KonsilError MODEL_MISMATCH or MODEL_UNSUPPORTED, as `exportModel`.
 */
export function exportModelFiles(
  stem: string,
  model: Uint8Array,
  layout: Layout,
  parameters: Float32Array,
  options: ExportOptions,
): readonly [...ModelFile[], ModelFile] {
  if (!isTfjsModel(model)) return [{ name: `${stem}.onnx`, content: exportModel(model, layout, parameters, options) }];
  const { source, preprocess, metadata } = options;
  const weightsFile = `${basename(stem)}.weights.bin`;
  const standardiser = preprocess && {
    'konsil.standardise': { mean: [...preprocess.mean], scale: [...preprocess.scale] },
  };
  const files = exportTfjs(model, layout, parameters, {
    ...{ source, weightsFile },
    metadata: { ...metadata, ...standardiser },
  });
  return [
    { name: join(dirname(stem), weightsFile), content: files.weights },
    { name: `${stem}.json`, content: files.json },
  ];
}
