/**
 * Operators that onnxruntime's WebGPU provider does not have, or computes wrongly, written with others there: a node that
 * falls back to the CPU costs two copies and a wait.
 * @module
 */
import type { GraphBuilder } from './builder.ts';
import { type Attributes, intOf, type Name } from './ir.ts';

// log softmax z = z - max z - ln Σ exp(z - max z)
export function logSoftmax(graph: GraphBuilder, z: Name, axis: number): Name {
  if (graph.target === 'cpu') return graph.op('LogSoftmax', [z], { axis: { int: axis } });
  const top = graph.op('ReduceMax', [z], { axes: { ints: [axis] }, keepdims: { int: 1 } });
  const centred = graph.op('Sub', [z, top]);
  return graph.op('Sub', [centred, graph.op('Log', [graph.sum(graph.op('Exp', [centred]), [axis], true)])]);
}

// sign x = [x > 0] - [x < 0]
export function sign(graph: GraphBuilder, x: Name): Name {
  const { dtype } = graph.typeOf(x);
  if (graph.target === 'cpu' || dtype !== 'float32') return graph.op('Sign', [x]);
  const is = (comparison: string): Name => graph.cast(graph.op(comparison, [x, graph.scalar(0)]), 'float32');
  return graph.op('Sub', [is('Greater'), is('Less')]);
}

/**
 * A convolution without bias or with one. WebGPU's kernel for channels that are a multiple of 3 but not of 4, to a
 * multiple of 4, gives wrong numbers beyond 3 channels (seen in onnxruntime 1.30): there channels of zeros are added.
 */
export function convolution(graph: GraphBuilder, inputs: readonly Name[], attributes: Attributes): Name {
  const [x, w] = inputs as [Name, Name];
  const channels = graph.dims(x)[1]!;
  const isWrong = channels > 3 && channels % 3 === 0 && channels % 4 !== 0 && intOf(attributes, 'group', 1) === 1;
  if (graph.target === 'cpu' || !isWrong) return graph.op('Conv', inputs, attributes);
  const widened = (value: Name): Name => {
    const none = graph.dims(value).map(() => 0);
    return graph.pad(value, none, none.with(1, 4 - (channels % 4)));
  };
  return graph.op('Conv', [widened(x), widened(w), ...inputs.slice(2)], attributes);
}
