import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterEach, describe, expect, it } from 'vitest';
import { exampleCopy, Konsil, killAll } from '../support/processes.ts';

let example: ReturnType<typeof exampleCopy>;
afterEach(async () => {
  await killAll();
  example.remove();
});

interface Result {
  readonly status: string;
  readonly rounds: { survivors: string[]; dropped: { pod: string }[]; trainingRows: number }[];
  readonly pooled: Record<string, { value: number }>;
  readonly comparison?: {
    federatedAllTest: Record<string, number>;
    pooledTraining: { metrics: Record<string, number> };
    sitesAlone: unknown[];
  };
  readonly features: number;
}

const resultOf = (folder: string): { run: string; result: Result } => {
  const run = join(folder, 'runs', readdirSync(join(folder, 'runs'))[0]!);
  return { run, result: JSON.parse(readFileSync(join(run, 'result.json'), 'utf8')) as Result };
};

describe('konsil demo, every part a process of its own', () => {
  it('trains, compares, and leaves a model that takes raw measurements in any ONNX runtime', async () => {
    example = exampleCopy(15);
    const demo = new Konsil(['demo', '--dir', '.'], { cwd: example.folder });
    expect(await demo.exit, demo.text).toBe(0);
    const { run, result } = resultOf(example.folder);
    expect(result.status).toBe('complete');
    // the promise of the whole thing: about as good as with all data in one place
    const federated = result.comparison!.federatedAllTest['ROC AUC']!;
    expect(Math.abs(federated - result.comparison!.pooledTraining.metrics['ROC AUC']!)).toBeLessThan(0.01);
    expect(result.comparison!.sitesAlone.length).toBe(4);
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('</html>');

    const session = await ort.InferenceSession.create(join(run, 'model.onnx'));
    const [head, ...lines] = readFileSync(join(example.folder, 'data/hospital-a.csv'), 'utf8').trim().split('\n');
    const names = head!.split(',');
    // columns the model was not told to order come by name
    const features = names.filter((name) => name !== 'diagnosis').sort();
    const rows = lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [names[i]!, cell])));
    const raw = Float32Array.from(rows.flatMap((row) => features.map((name) => Number(row[name]))));
    const outputs = await session.run({
      [session.inputNames[0]!]: new ort.Tensor('float32', raw, [rows.length, features.length]),
    });
    const probabilities = outputs['probabilities']!.data as Float32Array;
    const width = probabilities.length / rows.length;
    const right = rows.filter(
      (row, i) => probabilities[i * width + width - 1]! > 0.5 === (row['diagnosis'] === 'malignant'),
    );
    expect(right.length / rows.length).toBeGreaterThan(0.93);
    expect(result.features).toBe(features.length);
  });

  it('stops everything on Ctrl-C and leaves no process behind', async () => {
    example = exampleCopy(500);
    const demo = new Konsil(['demo', '--dir', '.', '--no-comparison', '--json'], { cwd: example.folder });
    await demo.until({ type: 'round', round: 2 });
    demo.child.kill('SIGINT');
    expect(await demo.exit, demo.text).toBe(130);
    expect(demo.values.at(-1)).toMatchObject({ type: 'error', code: 'CANCELLED' });
    const { run } = resultOf(example.folder);
    expect(existsSync(join(run, 'model.onnx'))).toBe(true);
  });
});
