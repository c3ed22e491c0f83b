/** A whole node with discovery as a process of its own, for tests: what happens goes to stdout, one JSON a line. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { NodeId } from "../../src/domain/NodeId.js"
import * as EphemeralIdentity from "../../src/layers/EphemeralIdentity.js"
import * as NoBootstrap from "../../src/layers/NoBootstrap.js"
import * as NodeEntropy from "../../src/layers/NodeEntropy.js"
import * as StandardConnectionGuard from "../../src/layers/StandardConnectionGuard.js"
import * as StandardNode from "../../src/layers/StandardNode.js"
import * as StandardStats from "../../src/layers/StandardStats.js"
import * as TcpTransport from "../../src/layers/TcpTransport.js"
import * as UdpDiscovery from "../../src/layers/UdpDiscovery.js"
import * as DiscoveryConfig from "../../src/services/DiscoveryConfig.js"
import { Node } from "../../src/services/Node.js"
import * as NodeConfig from "../../src/services/NodeConfig.js"

const [id = "", port = "", mode = "", intervalMillis = ""] = process.argv.slice(2)

const node = StandardNode.layer.pipe(
  Layer.provide([UdpDiscovery.layer, TcpTransport.layer, NoBootstrap.layer]),
  Layer.provide(StandardConnectionGuard.layer),
  Layer.provide([StandardStats.layer, EphemeralIdentity.layer]),
  Layer.provide([
    NodeEntropy.layer,
    DiscoveryConfig.layer({
      port: Number(port),
      mode: mode === "multicast" ? "multicast" : "broadcast",
      intervalMillis: Number(intervalMillis),
      interfaces: { include: ["lo"], exclude: [] }
    }),
    NodeConfig.layer({ id: NodeId.make(id), host: Option.some("127.0.0.1") })
  ])
)

const stopped = Effect.async<void>((resume) => void process.once("SIGTERM", () => resume(Effect.void)))

Effect.runFork(
  Effect.flatMap(
    Node,
    ({ events }) =>
      Stream.runForEach(
        events,
        (event) => Effect.sync(() => process.stdout.write(`${JSON.stringify(event)}\n`))
      )
  ).pipe(
    Effect.raceFirst(stopped),
    Effect.provide(node),
    Effect.provide(
      Logger.replace(
        Logger.defaultLogger,
        Logger.stringLogger.pipe(Logger.map((line) => process.stderr.write(`${line}\n`)))
      )
    )
  )
)
