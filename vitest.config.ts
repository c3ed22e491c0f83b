import { fileURLToPath } from "node:url"
import { configDefaults, defineConfig } from "vitest/config"

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** What has no sockets and does not measure its process: one process is enough for all of it. */
const pure = "test/{domain,internal,protocol,services,simulation}/**/!(memory).test.ts"

export default defineConfig({
  resolve: {
    alias: [
      { find: /^vix$/, replacement: source("./src/index.ts") },
      { find: /^vix\/protocol$/, replacement: source("./src/protocol/index.ts") },
      { find: /^vix\/simulation$/, replacement: source("./src/simulation/index.ts") },
      { find: /^vix\/simulation\/vitest$/, replacement: source("./src/simulation/vitest.ts") }
    ]
  },
  test: {
    projects: [
      {
        extends: true,
        test: { name: "pure", include: [pure], poolOptions: { forks: { singleFork: true, isolate: false } } }
      },
      {
        extends: true,
        test: {
          name: "world",
          include: ["{test,examples}/**/*.test.ts"],
          exclude: [...configDefaults.exclude, pure]
        }
      }
    ],
    setupFiles: [source("./test/properties.ts")],
    testTimeout: 20_000,
    coverage: { provider: "v8", include: ["src/**"] }
  }
})
