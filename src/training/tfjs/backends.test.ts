/** @module */
import { describe, expect, it } from 'vitest';
import { KonsilError } from '../../base/index.ts';
import { BACKEND_NAMES, BACKENDS, type BackendCandidate, candidatesOf, chooseBackend } from './backends.ts';
import { tf } from './tf.ts';

const cpu = BACKENDS.at(-1)!;
const fails = (name: string, error: Error): BackendCandidate => ({
  ...{ name, registeredAs: name },
  load: () => Promise.reject(error),
});
const works = (): Promise<void> => Promise.resolve();

describe('chooseBackend', () => {
  it('takes the first that loads, runs and can train the model, with a reason for each before it', async () => {
    let tries = 0;
    const chosen = await chooseBackend(
      [
        fails('absent', Object.assign(new Error("Cannot find package 'x'"), { code: 'ERR_MODULE_NOT_FOUND' })),
        fails('broken', new Error('libcudart.so.11.0: cannot open shared object file\nsee the log')),
        { name: 'unregistered', registeredAs: 'none', load: works },
        { ...cpu, name: 'incapable' },
        cpu,
      ],
      () => {
        tries++;
        if (tries === 1) throw new Error("Kernel 'Conv2DBackpropFilter' not registered for backend 'wasm'");
        return works();
      },
    );
    expect(chosen).toEqual({
      device: 'cpu',
      fallbacks: [
        { device: 'absent', reason: 'not installed' },
        { device: 'broken', reason: 'libcudart.so.11.0: cannot open shared object file' },
        { device: 'unregistered', reason: expect.stringContaining('none') },
        { device: 'incapable', reason: "Kernel 'Conv2DBackpropFilter' not registered for backend 'wasm'" },
      ],
    });
    expect(tf.getBackend()).toBe('cpu');
  });

  it('gives every reason when there is none, and does not look further when the model is at fault', async () => {
    await expect(chooseBackend([fails('a', new Error('one')), fails('b', new Error('two'))], works)).rejects.toThrow(
      expect.objectContaining({
        code: 'MODEL_UNSUPPORTED',
        message: 'no TensorFlow.js backend can train this model (a: one; b: two)',
      }),
    );
    const fault = new KonsilError('MODEL_INVALID', 'bad model');
    await expect(chooseBackend([cpu, fails('b', new Error('two'))], () => Promise.reject(fault))).rejects.toBe(fault);
  });

  it('prefers the machine to the browser to plain JavaScript', () => {
    expect(candidatesOf().map(({ name }) => name)).toEqual([...BACKEND_NAMES]);
    expect(candidatesOf(['cpu'])).toEqual([cpu]);
    expect(() => candidatesOf(['gpu'])).toThrow(/backend "gpu", expected tfjs-node-gpu/);
  });
});
