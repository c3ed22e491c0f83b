/**
 * A whole node on real sockets, in one layer.
 *
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import type { Bootstrap } from "../services/Bootstrap.js"
import type { ConnectionGuard } from "../services/ConnectionGuard.js"
import type { Discovery } from "../services/Discovery.js"
import type { Identity } from "../services/Identity.js"
import type { Node } from "../services/Node.js"
import * as NodeConfig from "../services/NodeConfig.js"
import type { Stats } from "../services/Stats.js"
import type { Transport, TransportError } from "../services/Transport.js"
import * as EphemeralIdentity from "./EphemeralIdentity.js"
import * as NoBootstrap from "./NoBootstrap.js"
import * as NodeEntropy from "./NodeEntropy.js"
import * as NoDiscovery from "./NoDiscovery.js"
import * as StandardConnectionGuard from "./StandardConnectionGuard.js"
import * as StandardNode from "./StandardNode.js"
import * as StandardStats from "./StandardStats.js"
import * as TcpTransport from "./TcpTransport.js"

/**
 * How a node finds others by itself, without one of them not in that way; and a transport and an identity of one's own.
 *
 * @since 0.1.0
 */
export interface Means {
  readonly transport?: Layer.Layer<Transport>
  /** Without it, a key that is gone with the process. */
  readonly identity?: Layer.Layer<Identity>
  readonly discovery?: Layer.Layer<Discovery, never, NodeConfig.NodeConfig | Identity | Stats>
  readonly bootstrap?: Layer.Layer<Bootstrap, never, NodeConfig.NodeConfig | Identity | Stats>
}

/** A key for this process. */
const ephemeral = Layer.provide(EphemeralIdentity.layer, NodeEntropy.layer)

/**
 * A node that listens on TCP.
 *
 * @since 0.1.0
 */
export const layer = (
  settings: Partial<NodeConfig.Settings> & Pick<NodeConfig.Settings, "id">,
  {
    bootstrap = NoBootstrap.layer,
    discovery = NoDiscovery.layer,
    identity = ephemeral,
    transport = TcpTransport.layer
  }: Means = {}
): Layer.Layer<Node | Stats | ConnectionGuard | Identity, TransportError> =>
  StandardNode.layer.pipe(
    Layer.provide([discovery, bootstrap]),
    Layer.provideMerge(StandardConnectionGuard.layer),
    Layer.provideMerge(StandardStats.layer),
    Layer.provideMerge(identity),
    Layer.provide([transport, NodeEntropy.layer]),
    Layer.provide(NodeConfig.layer(settings)),
    // Two nodes in one program share no layer: each has its own counters and its own key.
    Layer.fresh
  )
