/** The command `vix registry`: a registry from its start to its end, and what people and programs see of it. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { BlockList } from "node:net"
import * as Endpoint from "../domain/Endpoint.js"
import * as MemoryRegistryStore from "../layers/MemoryRegistryStore.js"
import * as RedisRegistryStore from "../layers/RedisRegistryStore.js"
import type { RegistryStore, StoreError } from "../services/RegistryStore.js"
import type { TransportError } from "../services/Transport.js"
import type { UsageError } from "./commandLine.js"
import * as Ending from "./ending.js"
import * as Logger from "./logger.js"
import * as RegistryEvent from "./registryEvent.js"
import * as Output from "./registryOutput.js"
import { type Invocation, parse } from "./registryParse.js"
import { serve } from "./registryServer.js"
import { aborted } from "./signals.js"
import { misuse } from "./telling.js"
import * as Terminal from "./terminal.js"

/** What a run stands on. */
export interface World {
  readonly terminal: Terminal.Terminal
  /** Waits for a signal and names it. */
  readonly signalled: Effect.Effect<string>
}

/** Runs `vix registry` with what follows it on the line until `signal` aborts or the run is over. */
export const registry = (argv: ReadonlyArray<string>, signal: AbortSignal): Promise<number> =>
  Effect.runPromise(command(argv, { terminal: Terminal.ofProcess(), signalled: aborted(signal) }))

/** The answer of `vix schema registry`. */
export const schema = RegistryEvent.jsonSchema

/** `vix registry` in a world of its own; returns the exit code. */
export const command = (argv: ReadonlyArray<string>, world: World): Effect.Effect<number> =>
  parse(argv).pipe(
    Effect.flatMap((invocation) => run(invocation, world)),
    Effect.catchTag("UsageError", (error) => misused(error, world.terminal))
  )

const misused = (error: UsageError, terminal: Terminal.Terminal): Effect.Effect<number> =>
  Effect.suspend(() => {
    const mode = error.events === "ndjson" ? "ndjson" : "lines"
    const output = Output.make({ mode, level: "info" }, terminal)
    return Effect.map(misuse("registry", error, output.fail, terminal), (atMillis) => {
      output.emit({ ev: "final", atMillis, counters: RegistryEvent.zero, exitCode: 1 })
      return 1
    })
  })

const run = (invocation: Invocation, world: World): Effect.Effect<number> => {
  const { signalled, terminal } = world
  const plan: Output.Plan = {
    mode: invocation.events === "ndjson" ? "ndjson" : invocation.quiet ? "quiet" : "lines",
    level: Option.getOrElse(invocation.logLevel, () => (invocation.quiet ? "error" : "info"))
  }
  const output = Output.make(plan, terminal)
  let counters = RegistryEvent.zero
  const tell = (event: RegistryEvent.Untimed): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (atMillis) => {
      counters = RegistryEvent.counted(counters, event)
      output.emit({ ...event, atMillis } as RegistryEvent.RegistryEvent)
    })
  const logger = Logger.layer(plan.level, (event) => {
    if (event.ev === "log") output.emit(event)
  })

  return Effect.gen(function*() {
    const life = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    const exit = yield* Scope.extend(attend(invocation, tell), life).pipe(
      Effect.raceFirst(Effect.map(signalled, Ending.signal)),
      Effect.raceFirst(Effect.map(terminal.broken, Ending.unwritable)),
      Effect.exit
    )
    const { cause, error, exitCode } = endingOf(exit, invocation)
    if (error !== undefined) output.fail(error, yield* Clock.currentTimeMillis)
    yield* tell({ ev: "stopping", cause })
    yield* Scope.close(life, Exit.void)
    yield* tell({ ev: "final", counters, exitCode })
    return yield* Ending.settle(exitCode, world, output.fail)
  }).pipe(Effect.scoped, Effect.provide(logger))
}

/** Everything before `stopping`. */
const attend = (
  { limits, runMillis, server, store, trusted }: Invocation,
  tell: (event: RegistryEvent.Untimed) => Effect.Effect<void>
): Effect.Effect<Ending.Ending, TransportError | StoreError, Scope.Scope> =>
  Effect.gen(function*() {
    const list = yield* Layer.build(storeOf(store, limits))
    const { host, port } = yield* serve(server, { limits, tell, isTrusted: isOneOf(trusted) }).pipe(
      Effect.provide(list)
    )
    const kind = Option.isSome(store) ? "redis" : "memory"
    yield* tell({ ev: "listening", address: host, port, base: server.base, store: kind })
    return runMillis === 0
      ? yield* Effect.never
      : yield* Effect.delay(Effect.succeed(Ending.runOver), Duration.millis(runMillis))
  })

const storeOf = (
  store: Invocation["store"],
  limits: Invocation["limits"]
): Layer.Layer<RegistryStore, StoreError> =>
  Option.match(store, {
    onNone: () => MemoryRegistryStore.layer(limits),
    onSome: (url) => RedisRegistryStore.layer({ ...limits, url })
  })

/** Whether an address is one of those, however it is written. */
const isOneOf = (addresses: ReadonlyArray<string>) => {
  if (addresses.length === 0) return () => false
  const list = new BlockList()
  const family = (address: string) => Endpoint.isIPv4(address) ? "ipv4" : "ipv6"
  for (const address of addresses) list.addAddress(address, family(address))
  return (address: string) => list.check(address, family(address))
}

const endingOf = (
  exit: Exit.Exit<Ending.Ending, TransportError | StoreError>,
  { server }: Invocation
): Ending.Ending =>
  Exit.match(exit, {
    onSuccess: (ending) => ending,
    onFailure: (cause) =>
      Option.match(Cause.failureOption(cause), {
        onNone: () => Ending.defect(cause),
        onSome: (error) =>
          error._tag === "TransportError" ? Ending.cannotListen(error, server) : {
            cause: "no way to the store",
            exitCode: 1,
            error: `--store: ${error.message}; start it first, or leave --store out`
          }
      })
  })
