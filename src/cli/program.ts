/** What the command needs Effect for; loaded only then. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Counters from "../domain/Counters.js"
import * as TcpNode from "../layers/TcpNode.js"
import * as TcpTransport from "../layers/TcpTransport.js"
import * as UdpDiscovery from "../layers/UdpDiscovery.js"
import * as BootstrapConfig from "../services/BootstrapConfig.js"
import * as DiscoveryConfig from "../services/DiscoveryConfig.js"
import { Transport } from "../services/Transport.js"
import type { UsageError } from "./commandLine.js"
import { jsonSchema } from "./eventLine.js"
import { lookUp } from "./lookUp.js"
import * as Output from "./output.js"
import { run, type World } from "./p2p.js"
import { parse } from "./parse.js"
import { aborted } from "./signals.js"
import { misuse } from "./telling.js"
import * as Terminal from "./terminal.js"

/** Runs `vix p2p` with what follows it on the line until `signal` aborts or the run is over. */
export const p2p = (argv: ReadonlyArray<string>, signal: AbortSignal): Promise<number> => {
  const terminal = Terminal.ofProcess()
  return Effect.runPromise(command(argv, { node: nodeOf, terminal, signalled: aborted(signal) }))
}

/** The node of a line: on TCP, found and finding by the means that it names. */
const nodeOf: World["node"] = ({ bootstrap, discovery, node }) =>
  TcpNode.layer(node, {
    transport: Layer.sync(Transport, () => TcpTransport.make({ lookup: lookUp })),
    ...(discovery.enabled
      ? { discovery: Layer.provide(UdpDiscovery.layer, DiscoveryConfig.layer(discovery)) }
      : {}),
    ...(bootstrap.enabled && Option.isSome(bootstrap.registry)
      ? { bootstrap: registryAt(new URL(bootstrap.registry.value), bootstrap) }
      : {})
  })

/** The client of a registry; loaded only where one is named. */
const registryAt = (url: URL, settings: Partial<BootstrapConfig.Settings>) =>
  Effect.promise(() => import("../layers/HttpBootstrap.js")).pipe(
    Effect.map(({ layerWith }) => layerWith({ lookup: lookUp })),
    Layer.unwrapEffect,
    Layer.provide(BootstrapConfig.layer({ ...settings, url }))
  )

/** The answer of `vix schema`. */
export const schema = jsonSchema

/** `vix p2p` in a world of its own; returns the exit code. */
export const command = (argv: ReadonlyArray<string>, world: World): Effect.Effect<number> =>
  parse(argv).pipe(
    Effect.flatMap((invocation) => run(invocation, world)),
    Effect.catchTag("UsageError", (error) => misused(error, world.terminal))
  )

const misused = (error: UsageError, terminal: Terminal.Terminal): Effect.Effect<number> =>
  Effect.suspend(() => {
    const mode = error.events === "ndjson" ? "ndjson" : "lines"
    const output = Output.make({ mode, level: "info", warnings: [] }, error.node ?? "", terminal)
    return Effect.map(misuse("p2p", error, output.fail, terminal), (atMillis) => {
      output.emit({ ev: "final", atMillis, counters: Counters.zero, reasons: {}, exitCode: 1 })
      return 1
    })
  })
