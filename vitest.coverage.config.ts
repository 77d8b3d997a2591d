import { defineConfig } from 'vitest/config';

/** How much of cryptography and secure aggregation the unit tests reach; attacks run against edited copies and are left out. */
export default defineConfig({
  test: {
    include: ['src/{crypto,aggregation/secure}/**/*.test.ts', 'test/attacks/fuzz.test.ts'],
    pool: 'threads',
    isolate: false,
    testTimeout: 60_000,
    coverage: {
      enabled: true,
      provider: 'v8',
      include: ['src/crypto/**/*.ts', 'src/aggregation/secure/**/*.ts'],
      // a thread of its own, whose every statement the mask pool's tests run where v8 does not count
      exclude: ['**/*.test.ts', 'src/crypto/maskPool/worker.ts'],
      reporter: ['text', 'json'],
      reportsDirectory: 'coverage',
      thresholds: { branches: 95 },
    },
  },
});
