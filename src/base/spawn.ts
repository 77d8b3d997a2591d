/**
 * Worker threads that start from the same module whether it runs compiled (`dist/**.js`) or as TypeScript under tests.
 * @module
 */
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a worker on `module`, a URL as `new URL('./worker.ts', import.meta.url)` gives it.
 * Compiled, it is a `.js` file; from sources, Node 20 needs tsx registered inside the thread first.
 */
export function startWorker(module: URL, options: WorkerOptions = {}): Worker {
  const compiled = import.meta.url.endsWith('.js');
  if (compiled) return new Worker(new URL(module.href.replace(/\.ts$/, '.js')), options);
  const boot = `import(${JSON.stringify(import.meta.resolve('tsx/esm/api'))}).then((tsx) => { tsx.register(); return import(${JSON.stringify(module.href)}); })`;
  return new Worker(boot, { ...options, eval: true });
}
