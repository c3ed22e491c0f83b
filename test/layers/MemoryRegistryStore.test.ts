import { it } from "@effect/vitest"
import * as TestClock from "effect/TestClock"
import * as MemoryRegistryStore from "../../src/layers/MemoryRegistryStore.js"
import { contract } from "./RegistryStore.contract.js"

contract("MemoryRegistryStore", {
  layer: MemoryRegistryStore.layer,
  shortMillis: 45_000,
  pass: TestClock.adjust,
  test: it.effect
})
