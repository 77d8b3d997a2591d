/**
 * Agreement between called and true classes beyond chance. Matrices are `matrix[true * classes + predicted]`.
 * @module
 */

/** What both need: rows on the diagonal, all rows, Σ true·predicted, Σ predicted², Σ true² over the classes. */
function margins(matrix: ArrayLike<number>, classes: number): readonly [number, number, number, number, number] {
  let [hits, all, cross, predictedSquares, trueSquares] = [0, 0, 0, 0, 0];
  for (let c = 0; c < classes; c++) {
    let [row, column] = [0, 0];
    for (let other = 0; other < classes; other++) {
      row += matrix[c * classes + other]!;
      column += matrix[other * classes + c]!;
    }
    hits += matrix[c * classes + c]!;
    all += row;
    cross += row * column;
    predictedSquares += column * column;
    trueSquares += row * row;
  }
  return [hits, all, cross, predictedSquares, trueSquares];
}

/**
 * Matthews correlation coefficient in [-1, 1]; null when one class alone was true or called.
 * @source Gorodkin, Computational Biology and Chemistry 28 (2004): R_K, which for two classes is Matthews'.
 */
export function matthews(matrix: ArrayLike<number>, classes: number): number | null {
  const [hits, all, cross, predictedSquares, trueSquares] = margins(matrix, classes);
  const spread = (all * all - predictedSquares) * (all * all - trueSquares);
  return spread > 0 ? (hits * all - cross) / Math.sqrt(spread) : null;
}

/**
 * Cohen's kappa in [-1, 1]; null when chance alone would agree on everything.
 * @source Cohen, Educational and Psychological Measurement 20 (1960).
 */
export function cohensKappa(matrix: ArrayLike<number>, classes: number): number | null {
  const [hits, all, cross] = margins(matrix, classes);
  const left = all * all - cross;
  return left > 0 ? (hits * all - cross) / left : null;
}
