/**
 * Cases of normalisations.
 * @module
 */
import { type CaseMaker, type Draw, float, given, int } from './draw.ts';

/** [N, C, ...] with enough elements that variances are far from zero. */
function image(draw: Draw): number[] {
  return [draw.int(2, 3), draw.int(1, 4), ...draw.dims(draw.int(1, 2), 2, 4)];
}

const epsilon = (draw: Draw) => draw.maybe(() => float(0.01));

const batchNormalization: CaseMaker = (draw) => {
  const dims = draw.int(0, 3) === 0 ? [draw.int(4, 6), draw.int(1, 4)] : image(draw);
  const channels = [dims[1]!];
  const trains = draw.flag();
  const statistics = [draw.normals(channels), draw.uniforms(channels, 0.5, 2)].map((input) =>
    input.kind === 'varied' ? ({ kind: 'fed', tensor: input.tensor } as const) : input,
  );
  return {
    inputs: [draw.normals(dims), draw.normals(channels), draw.normals(channels), ...statistics],
    attributes: given({
      epsilon: epsilon(draw) ?? float(0.01),
      training_mode: trains ? int(1) : undefined,
      momentum: draw.maybe(() => float(0.75)),
    }),
    outputs: trains ? 3 : 1,
    // the running variance is PyTorch's, which ORT does not keep
    ort: !trains,
  };
};

const layerNormalization: CaseMaker = (draw) => {
  const dims = [...draw.shape(0, 2), draw.int(3, 5)];
  const axis = draw.axis(dims.length);
  const own = dims.slice(axis < 0 ? axis + dims.length : axis);
  const inputs = [draw.normals(dims), draw.normals(own), ...(draw.flag() ? [draw.normals(own)] : [])];
  return { inputs, attributes: given({ axis: axis === -1 ? undefined : int(axis), epsilon: float(0.01) }) };
};

const instanceNormalization: CaseMaker = (draw) => {
  const dims = image(draw);
  const channels = [dims[1]!];
  return {
    inputs: [draw.normals(dims), draw.normals(channels), draw.normals(channels)],
    attributes: { epsilon: float(0.01) },
  };
};

const groupNormalization: CaseMaker = (draw) => {
  const [groups, each] = [draw.int(1, 3), draw.int(1, 3)];
  const dims = [draw.int(1, 2), groups * each, ...draw.dims(draw.int(1, 2), 2, 3)];
  const perGroup = draw.flag();
  const own = [perGroup ? groups : groups * each];
  return {
    inputs: [draw.normals(dims), draw.normals(own), draw.normals(own)],
    attributes: { num_groups: int(groups), epsilon: float(0.01) },
    opset: perGroup ? 18 : 21,
  };
};

export const NORMALISATION: Record<string, CaseMaker> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
};
