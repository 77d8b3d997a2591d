/**
 * Cases of convolutions and poolings in one to three dimensions.
 * @module
 */
import {
  absent,
  type CaseInput,
  type CaseMaker,
  type Draw,
  given,
  int,
  ints,
  type OperatorCase,
  text,
} from './draw.ts';

interface Geometry {
  readonly spatial: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly auto: string;
  readonly pads: readonly number[] | undefined;
}

/** Windows that fit their image at least once. */
function geometry(draw: Draw, dilates = true): Geometry {
  const rank = draw.pick([1, 2, 2, 2, 3]);
  const kernel = draw.dims(rank, 1, rank === 3 ? 2 : 3);
  const strides = draw.dims(rank, 1, 3);
  const wanted = draw.pick(['NOTSET', 'NOTSET', 'NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER']);
  // SAME with a kernel shorter than its stride would mean negative padding, which ORT refuses
  const auto = wanted.startsWith('SAME') && kernel.some((k, i) => k < strides[i]!) ? 'NOTSET' : wanted;
  const mayDilate = dilates && !auto.startsWith('SAME') && draw.flag();
  const dilations = kernel.map(() => (mayDilate ? draw.int(1, 2) : 1));
  const reach = kernel.map((k, i) => (k - 1) * dilations[i]! + 1);
  const spatial = reach.map((n) => n + draw.int(0, rank === 3 ? 2 : 4));
  const pads = draw.maybe(() => [...kernel, ...kernel].map((k) => draw.int(0, k - 1)));
  return { spatial, kernel, strides, dilations, auto, pads };
}

function attributesOf({ kernel, strides, dilations, auto, pads }: Geometry) {
  return given({
    kernel_shape: ints(kernel),
    strides: strides.every((s) => s === 1) ? undefined : ints(strides),
    dilations: dilations.every((d) => d === 1) ? undefined : ints(dilations),
    auto_pad: auto === 'NOTSET' ? undefined : text(auto),
    pads: auto === 'NOTSET' && pads !== undefined ? ints(pads) : undefined,
  });
}

function channels(draw: Draw): { groups: number; left: number; right: number } {
  const groups = draw.pick([1, 1, 1, 2, 3]);
  return { groups, left: draw.int(1, 2), right: draw.int(1, 2) };
}

function withBias(draw: Draw, inputs: CaseInput[], count: number): CaseInput[] {
  const bias = draw.int(0, 2);
  return bias === 0 ? inputs : [...inputs, bias === 1 ? draw.normals([count]) : absent];
}

const conv: CaseMaker = (draw) => {
  const shape = geometry(draw);
  const { groups, left, right } = channels(draw);
  const x = draw.normals([draw.int(1, 2), groups * left, ...shape.spatial]);
  const w = draw.normals([groups * right, left, ...shape.kernel]);
  const attributes = { ...attributesOf(shape), ...(groups === 1 ? {} : { group: int(groups) }) };
  return { inputs: withBias(draw, [x, w], groups * right), attributes };
};

const convTranspose: CaseMaker = (draw) => {
  const drawn = geometry(draw);
  const spatial = drawn.spatial.map((n) => Math.min(n, 4));
  const { groups, left, right } = channels(draw);
  const { strides, dilations, kernel } = drawn;
  // the output must not vanish
  const full = spatial.map((n, i) => strides[i]! * (n - 1) + (kernel[i]! - 1) * dilations[i]! + 1);
  const fits = drawn.pads?.every(
    (p, i) => p + drawn.pads![(i + full.length) % (2 * full.length)]! < full[i % full.length]!,
  );
  const { auto } = drawn;
  const shape = { ...drawn, pads: fits === true ? drawn.pads : undefined };
  // PyTorch also allows output padding below the dilation, ORT does not
  const extra = auto === 'NOTSET' && draw.flag() ? strides.map((s) => draw.int(0, s - 1)) : undefined;
  const wanted = auto === 'NOTSET' && extra === undefined && shape.pads === undefined && draw.flag();
  const attributes = given({
    ...attributesOf(shape),
    group: groups === 1 ? undefined : int(groups),
    output_padding: extra === undefined ? undefined : ints(extra),
    output_shape: wanted ? ints(full.map((n) => n - draw.int(0, Math.min(2, n - 1)))) : undefined,
  });
  const x = draw.normals([draw.int(1, 2), groups * left, ...spatial]);
  const w = draw.normals([groups * left, right, ...kernel]);
  return { inputs: withBias(draw, [x, w], groups * right), attributes };
};

function pooling(draw: Draw, more: (shape: Geometry) => OperatorCase['attributes'], dilates: boolean): OperatorCase {
  const shape = geometry(draw, dilates);
  const ceil = shape.auto === 'NOTSET' ? draw.maybe(() => int(1)) : undefined;
  const attributes = { ...attributesOf(shape), ...given({ ceil_mode: ceil }), ...more(shape) };
  return { inputs: draw.spaced([draw.int(1, 2), draw.int(1, 2), ...shape.spatial]), attributes };
}

const overImage: CaseMaker = (draw) => ({
  inputs: draw.spaced([draw.int(1, 3), draw.int(1, 3), ...draw.dims(draw.int(1, 3))]),
});

export const CONVOLUTION: Record<string, CaseMaker> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: (draw) => pooling(draw, () => ({}), true),
  AveragePool: (draw) => ({
    ...pooling(draw, () => given({ count_include_pad: draw.maybe(() => int(1)) }), true),
    opset: 19,
  }),
  GlobalMaxPool: overImage,
  GlobalAveragePool: overImage,
};
