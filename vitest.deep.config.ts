import { defineConfig } from "vitest/config"
import usual from "./vitest.config.js"

/** What takes too long for every `npm test`. */
export default defineConfig({
  ...usual,
  test: { include: ["test/deep/**/*.deep.ts"], testTimeout: 7_200_000 }
})
