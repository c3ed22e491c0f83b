/** Our protocol over `node:net`, without a node around it: the limit of what a node can do in a handshake. */
import { once } from "node:events"
import * as Net from "node:net"
import { Identity, Limits, NodeEntropy, NodeId } from "vix"
import {
  Envelope,
  Ephemerals,
  type Handshake,
  Initiator,
  Message,
  Responder,
  type Session
} from "vix/protocol"
import type { Contender, Dial } from "./Contender.js"

export const make = (): Contender => ({
  serve,
  dialler: () => Promise.resolve(dialler(party("client"))),
  connect: () => Promise.reject(new Error("handshakes alone are measured of the protocol"))
})

const entropy = NodeEntropy.make

const party = (nodeId: string): Handshake.LocalParty => ({
  identity: Identity.fromKeyPair(entropy.signing()),
  instance: entropy.bytes(16),
  nodeId: NodeId.NodeId.make(nodeId),
  listenPort: 0,
  capabilities: {},
  staticKey: entropy.keyAgreement(),
  networkKey: new Uint8Array(32),
  limits: Limits.defaults
})

const nothing = new Uint8Array(0)

/** Greets with a Ping, as a node does. */
const serve = async (): Promise<number> => {
  const local = party("server")
  const hellos = new Ephemerals.Ephemerals<object>(Limits.defaults)
  const server = Net.createServer({ noDelay: true }, (socket) => {
    const responder = new Responder.Responder(local, hellos.gate(() => false))
    const shake = (chunk: Uint8Array): Session.Session | undefined => {
      const step = responder.receive(chunk, performance.now())
      if (step._tag === "Rejected") throw new Error(step.reason)
      if (step._tag === "Hello") {
        socket.write(responder.reply(entropy.keyAgreement()))
        return shake(nothing)
      }
      if (step._tag !== "Proven") return undefined
      const session = responder.accept()
      socket.write(session.seal(Envelope.types.Ping, entropy.bytes(8)))
      return session
    }
    hear(socket, shake, ({ _tag }) => {
      if (_tag === "Close") socket.end()
    })
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  return (server.address() as Net.AddressInfo).port
}

const dialler = (local: Handshake.LocalParty): Dial => (port) =>
  new Promise((opened) => {
    const socket = Net.connect({ host: "127.0.0.1", port, noDelay: true })
    const initiator = new Initiator.Initiator(local, entropy.keyAgreement())
    const shake = (chunk: Uint8Array): Session.Session | undefined => {
      const step = initiator.receive(chunk)
      if (step._tag === "Rejected") throw new Error(step.reason)
      if (step._tag !== "Proven") return undefined
      const { frame, session } = initiator.finish({ connSeq: 1n, seenSeq: 0n })
      socket.write(frame)
      return session
    }
    hear(socket, shake, (event, session) => {
      if (event._tag !== "Ping") return
      socket.write(session.seal(Envelope.types.Pong, event.data))
      opened(async () => {
        const closed = once(socket, "close")
        socket.end(session.seal(Envelope.types.Close, Message.encodeClose(0, "")))
        await closed
      })
    })
    socket.write(initiator.hello)
  })

/** Shakes hands with what comes, and then reads it. */
const hear = (
  socket: Net.Socket,
  shake: (chunk: Uint8Array) => Session.Session | undefined,
  control: (event: Parameters<Session.Sink["control"]>[0], session: Session.Session) => void
): void => {
  let session: Session.Session | undefined
  const sink: Session.Sink = {
    data: () => {},
    joined: () => {},
    control: (event) => session !== undefined && control(event, session)
  }
  socket.on("error", () => socket.destroy())
  socket.on("data", (chunk: Buffer) => {
    // What came behind the handshake is the session's already.
    const rest = session === undefined ? nothing : chunk
    session ??= shake(chunk)
    session?.receive(rest, performance.now(), sink)
  })
}
