import { defineConfig } from 'vitest/config';

/** The unit tests of cryptography and secure aggregation, with how much of both they reach. */
export default defineConfig({
  test: {
    include: ['src/{crypto,aggregation/secure}/**/*.test.ts', 'test/vectors/**/*.test.ts', 'test/attacks/**/*.test.ts'],
    pool: 'threads',
    isolate: false,
    testTimeout: 60_000,
    coverage: {
      enabled: true,
      provider: 'v8',
      include: ['src/crypto/**/*.ts', 'src/aggregation/secure/**/*.ts'],
      exclude: ['**/*.test.ts'],
      reporter: ['text', 'json'],
      thresholds: { branches: 95 },
    },
  },
});
