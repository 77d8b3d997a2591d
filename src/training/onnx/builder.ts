/**
 * Builds a graph of core operators. Each `op` call infers the shape, folds constants, removes what does nothing and
 * reuses an equal earlier node, so that one walk in topological order leaves nothing for a second one to find.
 * @module
 */
import { findFolded } from './fold.ts';
import type { Attributes, Name, Node } from './ir.ts';
import { inferShapes, shapeValue } from './shapes.ts';
import { type DType, dtypeId, floatScalar, intVector, sizeOf, type Tensor, type ValueType } from './tensor.ts';

/** Constants up to this many elements are compared by value, so that equal ones share a name. */
const SHARED_CONSTANT = 64;

/** Buffers that one shader may read besides the one it writes: WebGPU promises 8 in all. */
const MAX_GPU_INPUTS = 7;

/** Which operators run well where the graph will run: formulations differ, values do not. */
export type Target = 'cpu' | 'gpu';

/** One gradient per input, in the output's or the input's shape; null where none is needed or none exists. */
export type Gradients = readonly (Name | null)[];

/** What a record's backward step sees: the gradient of each output (null where none flows) and who wants one. */
export interface Backward {
  readonly dy: readonly (Name | null)[];
  /** Whether anyone wants the gradient of input `index`. */
  readonly needs: (index: number) => boolean;
}

/** A differentiable step of the forward pass: one node, or several nodes with a backward step of their own. */
export interface TapeEntry {
  readonly op: string;
  readonly inputs: readonly Name[];
  readonly outputs: readonly Name[];
  /** Absent for a single node, whose rule is in the table of `grad/rules.ts`. */
  readonly backward?: (context: Backward) => Gradients;
  readonly node?: Node;
}

export class GraphBuilder {
  readonly target: Target;
  readonly nodes: Node[] = [];
  /** What the reverse walk goes through, in order. */
  readonly tape: TapeEntry[] = [];
  readonly inputs: Name[] = [];
  readonly constants = new Map<Name, Tensor>();
  readonly #types = new Map<Name, ValueType>();
  readonly #known = new Map<string, Name>();
  readonly #nodesByKey = new Map<string, Node>();
  readonly #producers = new Map<Name, Node>();
  readonly #taped = new Set<Name>();
  #depth = 0;
  #fresh = 0;

  constructor(target: Target = 'cpu') {
    this.target = target;
  }

  /** The node that computes `name`; undefined for inputs and constants. */
  producer(name: Name): Node | undefined {
    return this.#producers.get(name);
  }

  /** Declares a graph input. Names of inputs must be free; every other name is made by the builder. */
  input(name: Name, type: ValueType): Name {
    this.inputs.push(name);
    this.#types.set(name, type);
    return name;
  }

  constant(tensor: Tensor): Name {
    const small = tensor.data.length <= SHARED_CONSTANT;
    // -0 prints as 0, so the sign of zero is part of the key
    const key = small
      ? `const ${tensor.dtype} ${tensor.dims.join()} ${Array.from(tensor.data as ArrayLike<number>, (v) => (Object.is(v, -0) ? '-0' : v)).join()}`
      : '';
    const found = small ? this.#known.get(key) : undefined;
    if (found !== undefined) return found;
    const name = this.#freshName('const');
    this.constants.set(name, tensor);
    this.#types.set(name, tensor);
    if (small) this.#known.set(key, name);
    return name;
  }

  scalar(value: number): Name {
    return this.constant(floatScalar(value));
  }

  ints(values: readonly number[]): Name {
    return this.constant(intVector(values));
  }

  /** Shape and element type of a value of this graph. */
  typeOf(name: Name): ValueType {
    const type = this.#types.get(name);
    if (type === undefined) throw new RangeError(`no value "${name}" in this graph`);
    return type;
  }

  dims(name: Name): readonly number[] {
    return this.typeOf(name).dims;
  }

  /**
   * The output of `op`; empty names stand for optional inputs left out.
   *
   * @throws KonsilError MODEL_INVALID or MODEL_UNSUPPORTED when the inputs do not fit the operator.
   */
  op(op: string, inputs: readonly Name[], attributes: Attributes = {}): Name {
    return this.ops(op, inputs, attributes, 1)[0]!;
  }

  /** The first `count` outputs of `op`, as {@link op}. */
  ops(op: string, inputs: readonly Name[], attributes: Attributes, count: number): readonly Name[] {
    const types = inputs.map((name) => (name === '' ? undefined : this.typeOf(name)));
    if (op === 'Shape' && types[0] !== undefined) return [this.constant(shapeValue(types[0].dims, attributes))];
    const values = inputs.map((name) => this.constants.get(name));
    const out = inferShapes(op, { inputs: types, attributes, constant: (i) => values[i] }, count);
    if (isNoOp(op, types[0], out[0]!)) return [inputs[0]!];
    if (inputs.every((name, i) => name !== '' && values[i] !== undefined)) {
      const folded = findFolded(op, values as Tensor[], out[0]!, attributes);
      if (folded !== undefined) return [this.constant(folded)];
    }
    return this.#node(op, inputs, attributes, out);
  }

  /**
   * A differentiable step made of several nodes: `build` appends them and gives the outputs and the backward step, which
   * appends nodes in its turn and may use any value that the forward nodes computed.
   */
  composite(
    op: string,
    inputs: readonly Name[],
    build: () => { readonly outputs: readonly Name[]; readonly backward: (context: Backward) => Gradients },
  ): readonly Name[] {
    const { outputs, backward } = this.untaped(build);
    if (this.#depth === 0) {
      this.tape.push({ op, inputs, outputs, backward });
      for (const name of outputs) this.#taped.add(name);
    }
    return outputs;
  }

  /** What `build` gives; the nodes it appends are not differentiated one by one. */
  untaped<T>(build: () => T): T {
    this.#depth++;
    try {
      return build();
    } finally {
      this.#depth--;
    }
  }

  /** `x` with shape `dims`, same elements in the same order. */
  reshape(x: Name, dims: readonly number[]): Name {
    // allowzero: an axis of size 0 means 0 here, never "copy"
    return this.op('Reshape', [x, this.ints(dims)], { allowzero: { int: 1 } });
  }

  cast(x: Name, dtype: DType): Name {
    return this.op('Cast', [x], { to: { int: dtypeId(dtype) } });
  }

  /** Sum of `x` over `axes`. */
  sum(x: Name, axes: readonly number[], keepdims: boolean): Name {
    return this.op('ReduceSum', [x, this.ints(axes)], { keepdims: { int: keepdims ? 1 : 0 } });
  }

  /** Sum over all elements, as a scalar. */
  total(x: Name): Name {
    return this.op('ReduceSum', [x], { keepdims: { int: 0 } });
  }

  /** The part of `x` from `starts` to `ends` (exclusive) along `axes`, every `steps`-th element. */
  slice(
    x: Name,
    axes: readonly number[],
    starts: readonly number[],
    ends: readonly number[],
    steps: readonly number[] = [],
  ): Name {
    const dims = this.dims(x);
    const isUnit = steps.every((step) => step === 1);
    if (isUnit && axes.every((axis, i) => starts[i] === 0 && ends[i] === dims[axis])) return x;
    const lists = isUnit ? [starts, ends, axes] : [starts, ends, axes, steps];
    return this.op('Slice', [x, ...lists.map((list) => this.ints(list))]);
  }

  /** `x` with axis `axis` in reverse order. */
  reversed(x: Name, axis: number): Name {
    // the end lies before the first element
    return this.slice(x, [axis], [-1], [-this.dims(x)[axis]! - 1], [-1]);
  }

  /** `x` with its axes in the order `perm`: axis i of the result is axis `perm[i]` of `x`. */
  transpose(x: Name, perm: readonly number[]): Name {
    return perm.every((axis, i) => axis === i) ? x : this.op('Transpose', [x], { perm: { ints: perm } });
  }

  /** Zeros of shape `dims`, in float32. */
  zeros(dims: readonly number[]): Name {
    return this.expand(this.scalar(0), dims);
  }

  /** `x` with `value` before and after each axis; negative numbers cut off. */
  pad(x: Name, before: readonly number[], after: readonly number[], value = 0): Name {
    if ([...before, ...after].every((n) => n === 0)) return x;
    return this.op('Pad', [x, this.ints([...before, ...after]), this.scalar(value)]);
  }

  /** `parts` one after another along `axis`. */
  concat(parts: readonly Name[], axis: number): Name {
    if (parts.length === 1) return parts[0]!;
    if (this.target === 'cpu' || parts.length <= MAX_GPU_INPUTS)
      return this.op('Concat', parts, { axis: { int: axis } });
    const groups: Name[] = [];
    for (let at = 0; at < parts.length; at += MAX_GPU_INPUTS)
      groups.push(this.concat(parts.slice(at, at + MAX_GPU_INPUTS), axis));
    return this.concat(groups, axis);
  }

  /** Sum of values of equal shape. */
  addAll(parts: readonly Name[]): Name {
    if (parts.length > 2 && this.target === 'cpu') return this.op('Sum', parts);
    return parts.reduce((total, part) => this.op('Add', [total, part]));
  }

  /** `x` broadcast to shape `dims`. */
  expand(x: Name, dims: readonly number[]): Name {
    return this.op('Expand', [x, this.ints(dims)]);
  }

  #node(op: string, inputs: readonly Name[], attributes: Attributes, out: readonly ValueType[]): readonly Name[] {
    const key = attributeKey(op, inputs, attributes, out.length);
    const found = key === undefined ? undefined : this.#nodesByKey.get(key);
    const node = found ?? this.#append(op, inputs, attributes, out);
    if (key !== undefined) this.#nodesByKey.set(key, node);
    // a node that a composite made first becomes a step of its own when the model has it too
    if (this.#depth === 0 && !this.#taped.has(node.outputs[0]!)) {
      this.tape.push({ op, inputs: node.inputs, outputs: node.outputs, node });
      for (const name of node.outputs) this.#taped.add(name);
    }
    return node.outputs;
  }

  #append(op: string, inputs: readonly Name[], attributes: Attributes, out: readonly ValueType[]): Node {
    const name = this.#freshName(op);
    const outputs = out.map((_, i) => (i === 0 ? name : `${name}.${i}`));
    const node = { op, name, inputs, outputs, attributes };
    this.nodes.push(node);
    for (const [i, type] of out.entries()) {
      this.#types.set(outputs[i]!, type);
      this.#producers.set(outputs[i]!, node);
    }
    return node;
  }

  #freshName(stem: string): Name {
    // inputs are declared under names with a slash or without a digit, so "stem_12" is free
    return `${stem}_${this.#fresh++}`;
  }
}

/** Every core operator is a pure function, so nodes that read the same values with equal attributes are one. */
function attributeKey(
  op: string,
  inputs: readonly Name[],
  attributes: Attributes,
  outputs: number,
): string | undefined {
  if (Object.values(attributes).some((attribute) => 'tensor' in attribute)) return undefined;
  const sorted = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([op, inputs, sorted, outputs]);
}

function isNoOp(op: string, input: ValueType | undefined, out: ValueType): boolean {
  if (input === undefined || input.dtype !== out.dtype) return false;
  const sameShape = input.dims.length === out.dims.length && input.dims.every((dim, i) => dim === out.dims[i]);
  if (op === 'Reshape' || op === 'Expand' || op === 'Cast' || op === 'Slice') {
    // a Slice that keeps the size may still reverse
    return sameShape && (op !== 'Slice' || sizeOf(out.dims) <= 1);
  }
  return false;
}
