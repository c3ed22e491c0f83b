/** TCP without any protection: the limit of what a socket can do. */
import { once } from "node:events"
import * as Net from "node:net"
import type { Contender } from "./Contender.js"
import * as Framed from "./Framed.js"

export const make = (writing: Framed.Writing): Contender =>
  Framed.make({
    listen: async (ready) => {
      const server = Net.createServer({ noDelay: true }, ready).listen(0, "127.0.0.1")
      await once(server, "listening")
      return (server.address() as Net.AddressInfo).port
    },
    connect: (port) => Net.connect({ host: "127.0.0.1", port, noDelay: true })
  }, writing)
