import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { program } from "./embed.js"

it.live("two nodes in one process exchange messages", () =>
  Effect.map(program, (text) => assert.strictEqual(text, "warts")))
