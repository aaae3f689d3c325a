import { defineConfig } from 'vitest/config'

const report = process.env.HAPAX_TEST_REPORT
const withServers = { globalSetup: 'test/services/check.ts', testTimeout: 60_000, hookTimeout: 120_000, fileParallelism: false }

export default defineConfig({
  // Tests and examples import `hapax` as users do, and get the sources.
  resolve: { tsconfigPaths: true },
  test: {
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], sequence: { groupOrder: 0 } } },
      {
        extends: true,
        test: { name: 'integration', include: ['test/integration/**/*.test.ts'], sequence: { groupOrder: 1 }, ...withServers },
      },
      { extends: true, test: { name: 'examples', include: ['test/examples/**/*.test.ts'], sequence: { groupOrder: 2 }, ...withServers } },
    ],
  },
})
