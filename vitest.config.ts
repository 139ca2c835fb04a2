import { defineConfig, type ViteUserConfig } from 'vitest/config'

const config: ViteUserConfig = defineConfig({
  test: {
    retry: 0,
    passWithNoTests: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', '{bench,demo,report,simulator}/**/*.test.ts'],
          // On virtual time: how long they take says how busy the machine is, and nothing else.
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test-integration/**/*.test.ts'],
          globalSetup: 'test-integration/global-setup.ts',
          // The files share the servers, and some of them kill connections or freeze a server.
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})

export default config
