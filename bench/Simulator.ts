/** How many actions a second a simulated world delivers, and what the same takes elsewhere. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { NodeId } from "../src/domain/NodeId.js"
import * as EphemeralIdentity from "../src/layers/EphemeralIdentity.js"
import * as MemoryAir from "../src/layers/MemoryAir.js"
import * as MemoryDiscovery from "../src/layers/MemoryDiscovery.js"
import * as MemoryNetwork from "../src/layers/MemoryNetwork.js"
import * as MemoryTransport from "../src/layers/MemoryTransport.js"
import * as NoBootstrap from "../src/layers/NoBootstrap.js"
import * as NodeEntropy from "../src/layers/NodeEntropy.js"
import * as StandardConnectionGuard from "../src/layers/StandardConnectionGuard.js"
import * as StandardNode from "../src/layers/StandardNode.js"
import * as StandardStats from "../src/layers/StandardStats.js"
import * as DiscoveryConfig from "../src/services/DiscoveryConfig.js"
import { Node } from "../src/services/Node.js"
import * as NodeConfig from "../src/services/NodeConfig.js"
import { Agenda } from "../src/simulation/Agenda.js"
import * as Simulation from "../src/simulation/Simulation.js"
import type { Sample } from "./Load.js"

const nodes = 10

/** Virtual seconds in which they find each other, which is not measured. */
const startSeconds = 10

const contenders: Record<string, (seconds: number) => Promise<Sample>> = {
  heap: (seconds) => Promise.resolve(heap(seconds)),
  "test-clock": () => testClock(60),
  vix: (seconds) => Promise.resolve(simulator(seconds))
}

/** Measures for so many seconds. */
export const measure = (contender: string, seconds: number): Promise<Sample> => {
  const run = contenders[contender]
  if (run === undefined) throw new Error(`no contender ${contender}`)
  return run(seconds)
}

/** The actions alone: each enters its successor, as a timer does. */
const heap = (seconds: number): Sample => {
  const agenda = new Agenda()
  let now = 0
  const again = (): void => void agenda.enter(now + 1_000 + (now * 7_919) % 5_000, again)
  for (let at = 0; at < 1_000; at++) agenda.enter(at, again)
  return timed(seconds, () => {
    for (let done = 0; done < 1_000; done++) {
      now = agenda.nextMicros() ?? now
      agenda.take()?.()
    }
    return 1_000
  })
}

/** Whole nodes in a simulated world: beacons, heartbeats, and talk between them. */
const simulator = (seconds: number): Sample => {
  const simulation = begin()
  const sample = timed(seconds, () => {
    const before = simulation.world.delivered
    simulation.run(simulation.nowMillis + 1_000)
    if (simulation.violation !== undefined) throw new Error(simulation.violation.text)
    return simulation.world.delivered - before
  })
  simulation.close()
  return sample
}

const begin = () => {
  const simulation = new Simulation.Simulation({
    ...Simulation.defaults,
    nodes,
    variety: false,
    chatter: false
  })
  simulation.run(startSeconds * 1_000)
  const { connected, possible } = simulation.pairs
  if (connected !== possible) throw new Error(`only ${connected} pairs of ${possible} are connected`)
  return simulation
}

/** The same nodes under the clock of Effect's tests; counted is what the world would have delivered in that time. */
const testClock = async (seconds: number): Promise<Sample> => {
  const simulation = begin()
  const before = simulation.world.delivered
  simulation.run(simulation.nowMillis + seconds * 1_000)
  const actions = simulation.world.delivered - before
  simulation.close()
  return Effect.runPromise(
    Effect.gen(function*() {
      const started = yield* Effect.forEach(Array.from({ length: nodes }, (_, at) => at + 1), memoryNode)
      yield* pass(startSeconds)
      for (const node of started) {
        const { length } = yield* node.peers
        if (length !== nodes - 1) return yield* Effect.dieMessage(`only ${length} peers`)
      }
      const began = performance.now()
      const cpu = process.cpuUsage()
      yield* pass(seconds)
      return sampleOf(actions, began, cpu)
    }).pipe(
      Effect.scoped,
      Effect.provide([MemoryNetwork.layer, MemoryAir.layer]),
      Effect.provide(TestContext.TestContext)
    )
  )
}

const memoryNode = (number: number) => {
  const host = `10.0.0.${number}`
  return Effect.map(
    Layer.build(
      StandardNode.layer.pipe(
        Layer.provide([
          Layer.provide(MemoryDiscovery.layer({ hosts: [host] }), DiscoveryConfig.layer()),
          NoBootstrap.layer
        ]),
        Layer.provideMerge(StandardConnectionGuard.layer),
        Layer.provideMerge(StandardStats.layer),
        Layer.provideMerge(EphemeralIdentity.layer),
        Layer.provide([MemoryTransport.layer({ host }), NodeEntropy.layer]),
        Layer.provide(NodeConfig.layer({ id: NodeId.make(`n${number}`), port: 9_001 })),
        Layer.fresh
      )
    ),
    (services) => Context.get(services, Node)
  )
}

/** In steps as long as the shortest sleep of a node, each with turns enough for what it wakes. */
const pass = (seconds: number): Effect.Effect<void> =>
  Effect.repeatN(
    Effect.zipRight(TestClock.adjust(100), Effect.repeatN(Effect.yieldNow(), 50)),
    seconds * 10 - 1
  )

const timed = (seconds: number, run: () => number): Sample => {
  for (const until = performance.now() + 1_000 * seconds; performance.now() < until;) run()
  const began = performance.now()
  const cpu = process.cpuUsage()
  let actions = 0
  while (performance.now() - began < 1_000 * seconds) actions += run()
  return sampleOf(actions, began, cpu)
}

const sampleOf = (actions: number, began: number, before: NodeJS.CpuUsage): Sample => {
  const { system, user } = process.cpuUsage(before)
  return { value: actions / ((performance.now() - began) / 1_000), cpuMicros: (user + system) / actions }
}
