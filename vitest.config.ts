import { defineConfig } from 'vitest/config'

// What is made from strings elsewhere is made of closures then: the same tests hold for both (test/run.mjs).
const isSealed = process.env['VARVE_SEALED'] !== undefined

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    ...(isSealed ? { execArgv: ['--disallow-code-generation-from-strings'] } : {}),
  },
})
