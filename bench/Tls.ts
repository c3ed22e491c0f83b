/** TLS 1.3 of Node itself, both ends with an Ed25519 certificate, and the cipher that we use. */
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import * as Tls from "node:tls"
import * as Certificate from "./Certificate.js"
import type { Contender } from "./Contender.js"
import * as Framed from "./Framed.js"

export const make = (): Contender => {
  const context = {
    key: Certificate.key,
    cert: Certificate.cert,
    ca: Certificate.cert,
    minVersion: "TLSv1.3",
    ciphers: "TLS_CHACHA20_POLY1305_SHA256"
  } as const
  const secureContext = Tls.createSecureContext(context)
  return Framed.make({
    listen: async (ready) => {
      const options = { ...context, noDelay: true, requestCert: true, rejectUnauthorized: true }
      const server = Tls.createServer(options, ready).listen(0, "127.0.0.1")
      server.on("tlsClientError", (error) => {
        throw error
      })
      await once(server, "listening")
      return (server.address() as AddressInfo).port
    },
    connect: (port) => {
      const socket = Tls.connect({
        host: "127.0.0.1",
        port,
        secureContext,
        checkServerIdentity: () => undefined
      })
      socket.setNoDelay(true)
      return socket
    }
  }, "batched")
}
