/**
 * What an embedding program imports: provide one layer, use one service.
 *
 * @since 0.1.0
 */
export * as Candidate from "./domain/Candidate.js"
export * as Counters from "./domain/Counters.js"
export * as Endpoint from "./domain/Endpoint.js"
export * as Limits from "./domain/Limits.js"
export * as NodeEvent from "./domain/NodeEvent.js"
export * as NodeId from "./domain/NodeId.js"
export * as PeerId from "./domain/PeerId.js"
export * as PeerState from "./domain/PeerState.js"
export * as Reason from "./domain/Reason.js"

export * as Bootstrap from "./services/Bootstrap.js"
export * as ConnectionGuard from "./services/ConnectionGuard.js"
export * as Discovery from "./services/Discovery.js"
export * as Entropy from "./services/Entropy.js"
export * as Identity from "./services/Identity.js"
export * as Node from "./services/Node.js"
export * as NodeConfig from "./services/NodeConfig.js"
export * as Stats from "./services/Stats.js"
export * as Transport from "./services/Transport.js"

export * as EphemeralIdentity from "./layers/EphemeralIdentity.js"
export * as MemoryNetwork from "./layers/MemoryNetwork.js"
export * as MemoryTransport from "./layers/MemoryTransport.js"
export * as NoBootstrap from "./layers/NoBootstrap.js"
export * as NodeEntropy from "./layers/NodeEntropy.js"
export * as NoDiscovery from "./layers/NoDiscovery.js"
export * as StandardConnectionGuard from "./layers/StandardConnectionGuard.js"
export * as StandardNode from "./layers/StandardNode.js"
export * as StandardStats from "./layers/StandardStats.js"
export * as TcpNode from "./layers/TcpNode.js"
export * as TcpTransport from "./layers/TcpTransport.js"
