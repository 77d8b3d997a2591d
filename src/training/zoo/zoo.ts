/**
 * The built-in architectures by name.
 * @module
 */
import { KonsilError } from '../../base/index.ts';
import { type Architecture, build, type OptionSpec, type OptionValue } from './architecture.ts';
import { cnn } from './cnn.ts';
import { ecgResnet } from './ecgResnet.ts';
import { resnet18 } from './resnet.ts';
import { coxRegression, logisticRegression, mlp } from './tabular.ts';
import { unet } from './unet.ts';

/** A built-in architecture as tools see it. */
export interface ZooModel {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** ONNX bytes. @throws KonsilError CONFIG_INVALID that lists every problem of the options. */
  build(options: Readonly<Record<string, OptionValue>>): Uint8Array;
}

function entry<T extends { readonly seed?: number }>(architecture: Architecture<T>): ZooModel {
  const { name, title, source, options } = architecture;
  return { name, title, source, options, build: (given) => build(architecture, given as unknown as T) };
}

/** All built-in architectures, simple ones first. */
export const ZOO: readonly ZooModel[] = [
  entry(logisticRegression),
  entry(coxRegression),
  entry(mlp),
  entry(cnn),
  entry(resnet18),
  entry(unet),
  entry(ecgResnet),
];

/** The architecture called `name`. @throws KonsilError CONFIG_INVALID that lists the names there are. */
export function zooModel(name: string): ZooModel {
  const found = ZOO.find((model) => model.name === name);
  if (found !== undefined) return found;
  const names = ZOO.map((model) => model.name).join(', ');
  throw new KonsilError('CONFIG_INVALID', `no built-in model ${JSON.stringify(name)}; there are ${names}`);
}
