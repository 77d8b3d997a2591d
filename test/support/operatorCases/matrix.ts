/**
 * Cases of products of matrices.
 * @module
 */
import { type CaseMaker, type Draw, float, given, int, text } from './draw.ts';

const gemm: CaseMaker = (draw) => {
  const [m, k, n] = draw.dims(3) as [number, number, number];
  const [ta, tb] = [draw.flag(), draw.flag()];
  const bias = draw.maybe(() => draw.normals(draw.narrowed([m, n])));
  const a = draw.normals(ta ? [k, m] : [m, k]);
  const b = draw.normals(tb ? [n, k] : [k, n]);
  return {
    inputs: bias === undefined ? [a, b] : [a, b, bias],
    attributes: given({
      transA: ta ? int(1) : undefined,
      transB: tb ? int(1) : undefined,
      alpha: draw.maybe(() => float(0.5)),
      beta: draw.maybe(() => float(2)),
    }),
  };
};

const matmul: CaseMaker = (draw) => {
  const [m, k, n] = draw.dims(3) as [number, number, number];
  const batch = draw.shape(0, 2);
  const [left, right] = [draw.int(0, 3) === 0, draw.int(0, 3) === 0];
  const a = left ? [k] : [...(draw.flag() ? batch : draw.narrowed(batch)), m, k];
  const b = right ? [k] : [...(draw.flag() ? batch : draw.narrowed(batch)), k, n];
  return { inputs: [draw.normals(a), draw.normals(b)] };
};

const EQUATIONS = [
  'ij,jk->ik',
  'ij,jk',
  'bij,bjk->bik',
  'bhid,bhjd->bhij',
  'bhij,bhjd->bhid',
  'bld,hd->blh',
  'ij->ji',
  'ij->',
  'ij->i',
  'ij,ij->',
  'i,j->ij',
  'ij,j->i',
  'ii->i',
  'iij->j',
  'bn,anm,bm->ba',
  'bi,bi->b',
  'abc,cd,de->abe',
  'bqhd,bkhd->bhqk',
];

const einsum: CaseMaker = (draw) => {
  if (draw.int(0, 4) === 0) return ellipsis(draw);
  const equation = draw.pick(EQUATIONS);
  const sizes = new Map<string, number>();
  for (const label of equation.replace(/[^a-z]/g, '')) sizes.set(label, sizes.get(label) ?? draw.int(1, 3));
  const terms = equation.split('->')[0]!.split(',');
  return {
    inputs: terms.map((term) => draw.normals(term.split('').map((label) => sizes.get(label)!))),
    attributes: { equation: text(equation) },
  };
};

/** Leading axes under an ellipsis. */
function ellipsis(draw: Draw) {
  const [m, k, n] = draw.dims(3) as [number, number, number];
  const batch = draw.shape(0, 2);
  const isNarrow = draw.flag();
  return {
    inputs: [draw.normals([...batch, m, k]), draw.normals([...batch.slice(isNarrow ? 1 : 0), k, n])],
    // ORT wants the same number of axes under each ellipsis
    ort: !isNarrow,
    attributes: { equation: text(draw.pick(['...ij,...jk->...ik', '...ij,...jk'])) },
  };
}

export const MATRIX: Record<string, CaseMaker> = { Gemm: gemm, MatMul: matmul, Einsum: einsum };
