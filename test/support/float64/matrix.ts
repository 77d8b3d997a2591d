/**
 * Products of matrices.
 * @module
 */
import { floatOf, intOf } from '../../../src/training/onnx/ir.ts';
import { textOf } from './convolution.ts';
import { at, broadcastAll, build, type Evaluator, indices, type Value } from './value.ts';

function sumOver(count: number, term: (k: number) => number): number {
  let sum = 0;
  for (let k = 0; k < count; k++) sum += term(k);
  return sum;
}

const gemm: Evaluator = ({ attributes }, [a, b, c]) => {
  const [ta, tb] = [intOf(attributes, 'transA', 0) !== 0, intOf(attributes, 'transB', 0) !== 0];
  const [alpha, beta] = [floatOf(attributes, 'alpha', 1), floatOf(attributes, 'beta', 1)];
  const inner = a!.dims[ta ? 0 : 1]!;
  return build([a!.dims[ta ? 1 : 0]!, b!.dims[tb ? 0 : 1]!], ([i, j]) => {
    const product = sumOver(inner, (k) => at(a!, ta ? [k, i!] : [i!, k]) * at(b!, tb ? [j!, k] : [k, j!]));
    return alpha * product + (c === undefined ? 0 : beta * at(c, [i!, j!]));
  });
};

/** numpy.matmul: a vector on the left is a row, on the right a column, and loses that axis again. */
const matmul: Evaluator = (_, [first, second]) => {
  const a: Value = first!.dims.length === 1 ? { ...first!, dims: [1, ...first!.dims] } : first!;
  const b: Value = second!.dims.length === 1 ? { ...second!, dims: [...second!.dims, 1] } : second!;
  const batch = broadcastAll([a.dims.slice(0, -2), b.dims.slice(0, -2)]);
  const y = build([...batch, a.dims.at(-2)!, b.dims.at(-1)!], (index) => {
    const [lead, i, j] = [index.slice(0, -2), index.at(-2)!, index.at(-1)!];
    return sumOver(a.dims.at(-1)!, (k) => at(a, [...lead, i, k]) * at(b, [...lead, k, j]));
  });
  const isDropped = (axis: number): boolean =>
    (axis === y.dims.length - 2 && first!.dims.length === 1) ||
    (axis === y.dims.length - 1 && second!.dims.length === 1);
  return { ...y, dims: y.dims.filter((_, axis) => !isDropped(axis)) };
};

/** Sums, over every label that is not in the result, the product of the operands. */
const einsum: Evaluator = (node, inputs) => {
  const [left, right] = textOf(node, 'equation', '').replaceAll(' ', '').split('->') as [string, string | undefined];
  const width = (term: string, rank: number): number => rank - term.replace('...', '').length;
  // axes under an ellipsis get capital labels from the end: Z, Y, ...; equations of the cases use small letters
  const dots = (count: number): string => 'QRSTUVWXYZ'.slice(10 - count);
  const terms = left.split(',').map((term, i) => term.replace('...', dots(width(term, inputs[i]!.dims.length))));
  const most = Math.max(...left.split(',').map((t, i) => (t.includes('...') ? width(t, inputs[i]!.dims.length) : 0)));
  const once = [...new Set(left.replace(/[^a-z]/g, ''))].filter((l) => left.split(l).length === 2).sort();
  const result = (right ?? `${left.includes('...') ? '...' : ''}${once.join('')}`).replace('...', dots(most));
  const sizes = new Map<string, number>();
  for (const [i, term] of terms.entries())
    for (const [axis, label] of term.split('').entries())
      sizes.set(label, Math.max(sizes.get(label) ?? 1, inputs[i]!.dims[axis]!));
  const summed = [...sizes.keys()].filter((label) => !result.includes(label));
  const inner = indices(summed.map((label) => sizes.get(label)!));
  return build(
    result.split('').map((label) => sizes.get(label)!),
    (index) =>
      sumOver(inner.length, (k) => {
        const place = (label: string): number =>
          result.includes(label) ? index[result.indexOf(label)]! : inner[k]![summed.indexOf(label)]!;
        return terms.reduce((product, term, i) => product * at(inputs[i]!, term.split('').map(place)), 1);
      }),
  );
};

export const MATRIX: Record<string, Evaluator> = { Gemm: gemm, MatMul: matmul, Einsum: einsum };
