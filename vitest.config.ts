import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url))

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
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    testTimeout: 20_000,
    coverage: { provider: "v8", include: ["src/**"] }
  }
})
