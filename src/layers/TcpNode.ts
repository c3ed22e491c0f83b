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
 * How a node finds others by itself, without one of them not in that way; and a `TcpTransport` of one's own.
 *
 * @since 0.1.0
 */
export interface Means {
  readonly transport?: Layer.Layer<Transport>
  readonly discovery?: Layer.Layer<Discovery, never, NodeConfig.NodeConfig | Identity | Stats>
  readonly bootstrap?: Layer.Layer<Bootstrap, never, NodeConfig.NodeConfig | Identity | Stats>
}

/**
 * A node that listens on TCP, with a key of its own that is gone with the process.
 *
 * @since 0.1.0
 */
export const layer = (
  settings: Partial<NodeConfig.Settings> & Pick<NodeConfig.Settings, "id">,
  { bootstrap = NoBootstrap.layer, discovery = NoDiscovery.layer, transport = TcpTransport.layer }: Means = {}
): Layer.Layer<Node | Stats | ConnectionGuard | Identity, TransportError> =>
  StandardNode.layer.pipe(
    Layer.provide([discovery, bootstrap]),
    Layer.provideMerge(StandardConnectionGuard.layer),
    Layer.provideMerge(StandardStats.layer),
    Layer.provideMerge(EphemeralIdentity.layer),
    Layer.provide([transport, NodeEntropy.layer]),
    Layer.provide(NodeConfig.layer(settings)),
    // Two nodes in one program share no layer: each has its own counters and its own key.
    Layer.fresh
  )
