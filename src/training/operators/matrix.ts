/**
 * Products that the core operators know only for matrices: MatMul with vectors, and Einsum.
 * @module
 */
import type { GraphBuilder } from '../onnx/builder.ts';
import { type Name, textOf } from '../onnx/ir.ts';
import { broadcast } from '../onnx/shapeRule.ts';
import { sizeOf, tensorFrom } from '../onnx/tensor.ts';
import { checkedCount, inputOf, invalid, type LowerRule } from './context.ts';

/** A vector on the left is a row, on the right a column; the product loses that axis again. */
const matmul: LowerRule = (context) => {
  const { graph } = context;
  const [a, b] = [inputOf(context, 0), inputOf(context, 1)];
  const [da, db] = [graph.dims(a), graph.dims(b)];
  if (da.length === 0 || db.length === 0) invalid('MatMul of a scalar');
  const left = da.length === 1 ? graph.reshape(a, [1, ...da]) : a;
  const right = db.length === 1 ? graph.reshape(b, [...db, 1]) : b;
  const y = graph.op('MatMul', [left, right]);
  const dims = graph.dims(y);
  const isDropped = (axis: number): boolean =>
    (da.length === 1 && axis === dims.length - 2) || (db.length === 1 && axis === dims.length - 1);
  return graph.reshape(
    y,
    dims.filter((_, axis) => !isDropped(axis)),
  );
};

/** An operand of an Einsum: a value and one label per axis. */
interface Term {
  readonly value: Name;
  readonly labels: readonly string[];
}

/** Labels of each operand and of the result; axes under an ellipsis are called `.0`, `.1`, ... from the last. */
function parse(equation: string, ranks: readonly number[]): { operands: string[][]; result: string[] } {
  const [left, right, ...more] = equation.replaceAll(/\s/g, '').split('->');
  const terms = left!.split(',');
  if (more.length > 0 || terms.length !== ranks.length) invalid(`equation "${equation}" for ${ranks.length} inputs`);
  const hidden = terms.map((term, i) => (term.includes('...') ? ranks[i]! - term.length + 3 : 0));
  const expand = (term: string, count: number): string[] => {
    const dots = Array.from({ length: count }, (_, i) => `.${count - 1 - i}`);
    const [before, after] = term.split('...') as [string, string | undefined];
    return after === undefined ? before.split('') : [...before.split(''), ...dots, ...after.split('')];
  };
  const operands = terms.map((term, i) => expand(term, hidden[i]!));
  if (operands.some((labels, i) => labels.length !== ranks[i]))
    invalid(`equation "${equation}" does not fit its inputs`);
  const all = operands.flat();
  const once = [...new Set(all)].filter((l) => !l.startsWith('.') && all.indexOf(l) === all.lastIndexOf(l)).sort();
  const most = Math.max(...hidden);
  const implicit = [...expand('...', most), ...once];
  const result = right === undefined ? implicit : expand(right, most);
  if (result.some((label) => !all.includes(label))) invalid(`equation "${equation}" has a result from nowhere`);
  return { operands, result };
}

class Contraction {
  readonly #graph: GraphBuilder;

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
  }

  /** A label twice in one operand is its diagonal: all but that times zero, and one of the axes summed away. */
  diagonal({ value, labels }: Term): Term {
    const second = labels.findIndex((label, i) => labels.indexOf(label) < i);
    if (second < 0) return { value, labels };
    const graph = this.#graph;
    const first = labels.indexOf(labels[second]!);
    const n = graph.dims(value)[first]!;
    const eye = Array.from({ length: checkedCount(n * n) }, (_, i) => Number(Math.floor(i / n) === i % n));
    const mask = graph.constant(
      tensorFrom(
        'float32',
        labels.map((_, i) => (i === first || i === second ? n : 1)),
        eye,
      ),
    );
    const kept = graph.sum(graph.op('Mul', [value, mask]), [second], false);
    return this.diagonal({ value: kept, labels: labels.toSpliced(second, 1) });
  }

  /** Sums away what neither the result nor another operand has. */
  summed({ value, labels }: Term, needed: ReadonlySet<string>): Term {
    const axes = labels.flatMap((label, i) => (needed.has(label) ? [] : [i]));
    if (axes.length === 0) return { value, labels };
    return { value: this.#graph.sum(value, axes, false), labels: labels.filter((label) => needed.has(label)) };
  }

  ordered({ value, labels }: Term, wanted: readonly string[]): Name {
    return this.#graph.transpose(
      value,
      wanted.map((label) => labels.indexOf(label)),
    );
  }

  /** One product: labels of both that stay are a batch, those that do not are summed over. */
  product(a: Term, b: Term, needed: ReadonlySet<string>): Term {
    const graph = this.#graph;
    const both = a.labels.filter((label) => b.labels.includes(label));
    const [batch, inner] = [both.filter((l) => needed.has(l)), both.filter((l) => !needed.has(l))];
    const [rows, columns] = [a.labels.filter((l) => !both.includes(l)), b.labels.filter((l) => !both.includes(l))];
    const sizesIn = (term: Term, labels: readonly string[]): number[] =>
      labels.map((label) => graph.dims(term.value)[term.labels.indexOf(label)]!);
    const shared = (labels: readonly string[]): number[] => broadcast(sizesIn(a, labels), sizesIn(b, labels));
    const [m, n] = [sizesIn(a, rows), sizesIn(b, columns)];
    const left = this.ordered(a, [...batch, ...rows, ...inner]);
    const right = this.ordered(b, [...batch, ...inner, ...columns]);
    const labels = [...batch, ...rows, ...columns];
    const dims = [...shared(batch), ...m, ...n];
    if (inner.length === 0) {
      const ones = (count: number): number[] => Array.from({ length: count }, () => 1);
      const wide = graph.reshape(left, [...sizesIn(a, batch), ...m, ...ones(n.length)]);
      return {
        value: graph.op('Mul', [wide, graph.reshape(right, [...sizesIn(b, batch), ...ones(m.length), ...n])]),
        labels,
      };
    }
    const k = shared(inner);
    const [p, q, r] = [sizeOf(m), sizeOf(k), sizeOf(n)];
    // axes of size 1 under an ellipsis grow to the other operand's
    const grownLeft = graph.expand(left, [...shared(batch), ...m, ...k]);
    const grownRight = graph.expand(right, [...shared(batch), ...k, ...n]);
    const lead = batch.length === 0 ? [] : [sizeOf(shared(batch))];
    const y = graph.op('MatMul', [
      graph.reshape(grownLeft, [...lead, p, q]),
      graph.reshape(grownRight, [...lead, q, r]),
    ]);
    return { value: graph.reshape(y, dims), labels };
  }
}

/** Products from left to right, each a matrix product over what no later operand needs. */
const einsum: LowerRule = (context) => {
  const { graph, node } = context;
  const inputs = context.inputs.map((_, i) => inputOf(context, i));
  const ranks = inputs.map((name) => graph.dims(name).length);
  const { operands, result } = parse(textOf(node.attributes, 'equation', ''), ranks);
  const contraction = new Contraction(graph);
  const terms = inputs.map((value, i) => contraction.diagonal({ value, labels: operands[i]! }));
  const neededAfter = (i: number): Set<string> => new Set([...result, ...terms.slice(i + 1).flatMap((t) => t.labels)]);
  let total = contraction.summed(terms[0]!, neededAfter(0));
  for (const [i, term] of terms.entries()) {
    if (i === 0) continue;
    const needed = neededAfter(i);
    const next = contraction.summed(term, new Set([...needed, ...total.labels]));
    total = contraction.product(total, next, needed);
  }
  return contraction.ordered(total, result);
};

export const MATRIX: Readonly<Record<string, LowerRule>> = { MatMul: matmul, Einsum: einsum };
