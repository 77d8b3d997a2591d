/**
 * Builds a graph of core operators. Each `op` call infers the shape, folds constants, removes what does nothing and
 * reuses an equal earlier node, so that one walk in topological order leaves nothing for a second one to find.
 * @module
 */
import { findFolded } from '../passes/fold.ts';
import type { Attributes, Name, Node } from './ir.ts';
import { inferShape, shapeValue } from './shapes.ts';
import { floatScalar, intVector, sizeOf, type Tensor, type ValueType } from './tensor.ts';

/** Constants up to this many elements are compared by value, so that equal ones share a name. */
const SHARED_CONSTANT = 64;

export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly inputs: Name[] = [];
  readonly constants = new Map<Name, Tensor>();
  readonly #types = new Map<Name, ValueType>();
  readonly #known = new Map<string, Name>();
  #fresh = 0;

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
    const types = inputs.map((name) => (name === '' ? undefined : this.typeOf(name)));
    if (op === 'Shape' && types[0] !== undefined) return this.constant(shapeValue(types[0].dims, attributes));
    const values = inputs.map((name) => this.constants.get(name));
    const out = inferShape(op, { inputs: types, attributes, constant: (i) => values[i] });
    if (isNoOp(op, types[0], out)) return inputs[0]!;
    if (inputs.every((name, i) => name !== '' && values[i] !== undefined)) {
      const folded = findFolded(op, values as Tensor[], out, attributes);
      if (folded !== undefined) return this.constant(folded);
    }
    return this.#node(op, inputs, attributes, out);
  }

  /** `x` with shape `dims`, same elements in the same order. */
  reshape(x: Name, dims: readonly number[]): Name {
    // allowzero: an axis of size 0 means 0 here, never "copy"
    return this.op('Reshape', [x, this.constant(intVector(dims))], { allowzero: { int: 1 } });
  }

  /** Sum of `x` over `axes`. */
  sum(x: Name, axes: readonly number[], keepdims: boolean): Name {
    return this.op('ReduceSum', [x, this.constant(intVector(axes))], { keepdims: { int: keepdims ? 1 : 0 } });
  }

  /** Sum over all elements, as a scalar. */
  total(x: Name): Name {
    return this.op('ReduceSum', [x], { keepdims: { int: 0 } });
  }

  /** Zeros in the shape of `x`. */
  zerosLike(x: Name): Name {
    return this.op('Expand', [this.scalar(0), this.constant(intVector(this.dims(x)))]);
  }

  #node(op: string, inputs: readonly Name[], attributes: Attributes, out: ValueType): Name {
    const key = attributeKey(op, inputs, attributes);
    const found = key === undefined ? undefined : this.#known.get(key);
    if (found !== undefined) return found;
    const name = this.#freshName(op);
    this.nodes.push({ op, name, inputs, outputs: [name], attributes });
    this.#types.set(name, out);
    if (key !== undefined) this.#known.set(key, name);
    return name;
  }

  #freshName(stem: string): Name {
    // inputs are declared under names with a slash or without a digit, so "stem_12" is free
    return `${stem}_${this.#fresh++}`;
  }
}

/** Every core operator is a pure function, so nodes that read the same values with equal attributes are one. */
function attributeKey(op: string, inputs: readonly Name[], attributes: Attributes): string | undefined {
  if (Object.values(attributes).some((attribute) => 'tensor' in attribute)) return undefined;
  const sorted = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([op, inputs, sorted]);
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
