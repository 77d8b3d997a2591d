/**
 * Initial values of parameters, as PyTorch draws them: the same distributions, other random numbers.
 * @module
 * @source PyTorch 1.13, torch.nn.init and the reset_parameters of each module.
 */
import { normal, type Rng } from '../../base/index.ts';

/** Fills a new parameter, in C order. */
export type Initialise = (values: Float32Array, rng: Rng) => void;

/** Uniform in [-bound, bound). */
export function uniform(bound: number): Initialise {
  return (values, rng) => {
    for (let i = 0; i < values.length; i++) values[i] = (2 * rng() - 1) * bound;
  };
}

/** PyTorch's default of dense, convolution and bias parameters: kaiming_uniform with a = √5, which is ±1/√fanIn. */
export function fanInUniform(fanIn: number): Initialise {
  return uniform(1 / Math.sqrt(fanIn));
}

/** Normal with mean 0. */
export function gaussian(deviation: number): Initialise {
  return (values, rng) => {
    for (let i = 0; i < values.length; i++) values[i] = deviation * normal(rng);
  };
}

/** kaiming_normal with gain √2 for ReLU. @param fan - Inputs or outputs of one unit, as the module's author chose. */
export function kaimingNormal(fan: number): Initialise {
  return gaussian(Math.sqrt(2 / fan));
}

/** xavier_uniform with gain 1. */
export function xavierUniform(fanIn: number, fanOut: number): Initialise {
  return uniform(Math.sqrt(6 / (fanIn + fanOut)));
}

export function constant(value: number): Initialise {
  return (values) => void values.fill(value);
}
