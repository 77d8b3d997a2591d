/**
 * Cases of recurrent layers.
 * @module
 */
import type { Attribute } from '../../../src/training/onnx/ir.ts';
import { absent, type CaseInput, type CaseMaker, constant, type Draw, given, int, text } from './draw.ts';

const FUNCTIONS = 'Sigmoid Tanh Affine LeakyRelu ScaledTanh HardSigmoid Elu Softsign Softplus'.split(' ');

/** Functions other than the default, some with parameters. Their kinks are far rarer than the probes are many. */
function functions(draw: Draw, count: number): Record<string, Attribute> {
  if (draw.int(0, 2) > 0) return {};
  const texts = draw.list(count, () => draw.pick(FUNCTIONS));
  const takesAlpha = texts.filter((t) => ['Affine', 'LeakyRelu', 'ScaledTanh', 'HardSigmoid', 'Elu'].includes(t));
  // Affine and ScaledTanh have no default parameters
  if (!texts.includes('Affine') && !texts.includes('ScaledTanh') && draw.flag()) return { activations: { texts } };
  const alphas = takesAlpha.map((t) => (t === 'HardSigmoid' ? 0.25 : 0.75));
  const betas = texts.filter((t) => ['Affine', 'ScaledTanh', 'HardSigmoid'].includes(t)).map(() => 0.5);
  return { activations: { texts }, activation_alpha: { floats: alphas }, activation_beta: { floats: betas } };
}

function recurrent(gates: number, perDirection: number, hasCell: boolean): CaseMaker {
  return (draw) => {
    const direction = draw.pick(['forward', 'reverse', 'bidirectional']);
    const directions = direction === 'bidirectional' ? 2 : 1;
    const [steps, batch, width, hidden] = draw.dims(4, 1, 3) as [number, number, number, number];
    const isBatchFirst = draw.int(0, 3) === 0;
    const state = isBatchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
    const part = (dims: readonly number[]): CaseInput => draw.normals(dims, [], 0.5);
    const lengths =
      draw.int(0, 2) === 0
        ? constant(
            'int32',
            [batch],
            draw.list(batch, () => steps),
          )
        : absent;
    const inputs: CaseInput[] = [
      part(isBatchFirst ? [batch, steps, width] : [steps, batch, width]),
      part([directions, gates * hidden, width]),
      part([directions, gates * hidden, hidden]),
      draw.flag() ? part([directions, 2 * gates * hidden]) : absent,
      lengths,
      draw.flag() ? part(state) : absent,
      ...(hasCell ? [draw.flag() ? part(state) : absent] : []),
    ];
    return {
      inputs,
      attributes: given({
        hidden_size: int(hidden),
        direction: draw.flag() || directions === 2 || direction === 'reverse' ? text(direction) : undefined,
        layout: isBatchFirst ? int(1) : undefined,
        linear_before_reset: gates === 3 ? draw.maybe(() => int(1)) : undefined,
        ...functions(draw, perDirection * directions),
      }),
      outputs: hasCell ? 3 : 2,
      // ORT's kernels know only layout 0
      ort: !isBatchFirst,
      roundings: 128,
    };
  };
}

export const RECURRENT: Record<string, CaseMaker> = {
  RNN: recurrent(1, 1, false),
  GRU: recurrent(3, 2, false),
  LSTM: recurrent(4, 3, true),
};
