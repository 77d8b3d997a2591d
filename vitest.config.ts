import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Slow ones that stand beside what they test. */
const SLOW = '{src,sim}/**/*.slow.test.ts';

/** Unit tests share threads (fast); end-to-end tests start real processes and get forks of their own. */
export default defineConfig({
  test: {
    // by default one core is left idle, which on two is half of the machine
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{src,sim}/**/*.test.ts', 'test/{arch,contract,vectors,fixtures,attacks}/**/*.test.ts'],
          exclude: ['src/{coordinator,participant}/**', SLOW],
          pool: 'threads',
          isolate: false,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          // whole federations: the native libraries get a process to themselves, as in a pod
          name: 'federation',
          include: ['src/{coordinator,participant}/**/*.test.ts'],
          exclude: [SLOW],
          pool: 'forks',
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'slow',
          include: ['test/{acceptance,slow}/**/*.test.ts', SLOW],
          exclude: ['test/slow/soak.test.ts'],
          pool: 'forks',
          testTimeout: 180_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          // fifty rounds of real processes, one of them killed every few seconds: `npm run test:soak`
          name: 'soak',
          include: ['test/slow/soak.test.ts'],
          pool: 'forks',
          testTimeout: 1_200_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          // every role, phase and kind of fault, and random plans: `npm run test:faults`
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 180_000,
        },
      },
      {
        test: {
          // each case is a process of its own; a software driver compiles shaders for seconds
          name: 'webgpu',
          include: ['test/interop/webgpu.test.ts'],
          pool: 'forks',
          testTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/{e2e,interop}/**/*.test.ts'],
          exclude: ['test/interop/webgpu.test.ts'],
          pool: 'forks',
          testTimeout: 180_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
