import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MemoryAir from "../../src/layers/MemoryAir.js"
import * as MemoryDiscovery from "../../src/layers/MemoryDiscovery.js"
import * as UdpDiscovery from "../../src/layers/UdpDiscovery.js"
import { contract } from "./Discovery.contract.js"
import { freePort, lo } from "./udp.js"

contract("MemoryDiscovery", MemoryDiscovery.layer({ hosts: ["10.0.0.1"] }), {}, MemoryAir.layer, "10.0.0.1")

for (const mode of ["broadcast", "multicast"] as const) {
  contract(
    `UdpDiscovery, ${mode}`,
    UdpDiscovery.layer,
    { mode, port: await Effect.runPromise(freePort), interfaces: lo },
    Layer.empty,
    "127.0.0.1"
  )
}
