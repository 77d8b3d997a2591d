/**
 * Choice of the device: order, reasons, and what happens when nothing works.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { KonsilError } from '../../base/index.ts';
import { builtinMlp } from '../zoo/tabular.ts';
import type { Device } from './deviceNames.ts';
import { candidatesOf, openFirst } from './devices.ts';
import { Trainer } from './trainer.ts';

const linux = (gpu: boolean) => ({ platform: 'linux' as const, hasGpu: () => gpu, hasCuda: () => gpu });

describe('devices', () => {
  it('asks no driver where the system shows no GPU', () => {
    const { devices, fallbacks } = candidatesOf('auto', linux(false));
    expect(devices).toEqual(['cpu']);
    expect(fallbacks).toContainEqual({ device: 'webgpu', reason: 'the system shows no GPU' });
    expect(fallbacks).toContainEqual({ device: 'dml', reason: 'DirectML exists on Windows only' });
  });

  it('tries what a system may have, the CPU last', () => {
    expect(candidatesOf('auto', linux(true)).devices).toEqual(['cuda', 'webgpu', 'cpu']);
    expect(candidatesOf('auto', { platform: 'win32', hasGpu: () => true, hasCuda: () => false }).devices).toEqual([
      'dml',
      'webgpu',
      'cpu',
    ]);
    expect(candidatesOf('auto', { platform: 'darwin', hasGpu: () => true, hasCuda: () => false }).devices).toEqual([
      'coreml',
      'webgpu',
      'cpu',
    ]);
    expect(candidatesOf(['webgpu', 'cpu'], linux(false)).devices).toEqual(['webgpu', 'cpu']);
  });

  it('takes the first that opens and keeps the reasons of the others', async () => {
    const tried: Device[] = [];
    const result = await openFirst(
      'auto',
      (device) => {
        tried.push(device);
        if (device === 'cpu') return Promise.resolve('open');
        return Promise.reject(new Error(`no ${device}\nat some file of the build`));
      },
      linux(true),
    );
    expect(tried).toEqual(['cuda', 'webgpu', 'cpu']);
    expect(result).toMatchObject({ device: 'cpu', opened: 'open' });
    expect(result.fallbacks.slice(-2)).toEqual([
      { device: 'cuda', reason: 'no cuda' },
      { device: 'webgpu', reason: 'no webgpu' },
    ]);
  });

  it('gives every reason when none opens, and stops at once when the model is at fault', async () => {
    const broken = (): Promise<never> => Promise.reject(new Error('driver too old'));
    await expect(openFirst(['cuda', 'dml'], broken, linux(true))).rejects.toMatchObject({
      code: 'DEVICE_UNAVAILABLE',
      message: 'none of the devices can be used: cuda: driver too old; dml: DirectML exists on Windows only',
    });
    const bad = (): Promise<never> => Promise.reject(new KonsilError('MODEL_INVALID', 'not a model'));
    await expect(openFirst('auto', bad, linux(true))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });

  it('trains on the CPU where CUDA cannot be loaded, and says so', async () => {
    const trainer = await Trainer.create({
      model: builtinMlp({ inputs: 2, hidden: [3], outputs: 2, activation: 'relu', seed: 1 }),
      ...{ source: 'mlp', loss: 'cross_entropy', batchSize: 2, device: ['cuda', 'cpu'] },
      optimiser: { kind: 'sgd', learningRate: 0.1 },
    });
    expect(trainer.program.device).toBe('cpu');
    expect(trainer.program.fallbacks.map(({ device }) => device)).toEqual(['cuda']);
    expect(trainer.program.fallbacks[0]!.reason.length).toBeGreaterThan(10);
    await trainer.close();
  });
});
