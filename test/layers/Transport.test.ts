import * as Layer from "effect/Layer"
import * as MemoryNetwork from "../../src/layers/MemoryNetwork.js"
import * as MemoryTransport from "../../src/layers/MemoryTransport.js"
import * as TcpTransport from "../../src/layers/TcpTransport.js"
import { contract } from "./Transport.contract.js"

const memory = (options: Partial<MemoryTransport.Options>) =>
  MemoryTransport.layer({ host: "10.0.0.1", ...options }).pipe(
    Layer.provide(Layer.fresh(MemoryNetwork.layer))
  )

contract("TcpTransport", TcpTransport.layer, "127.0.0.1")
contract("MemoryTransport", memory({}), "10.0.0.1")
contract(
  "MemoryTransport, cut finely",
  memory({ capacity: 20_000, chunk: (waiting) => waiting % 9_973 }),
  "10.0.0.1"
)
