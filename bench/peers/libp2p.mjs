/** `libp2p` over TCP with Noise and yamux, and its ping service; a node with a key of its own each. */
import { mdns } from "@libp2p/mdns"
import { noise } from "@libp2p/noise"
import { ping } from "@libp2p/ping"
import { tcp } from "@libp2p/tcp"
import { yamux } from "@libp2p/yamux"
import { multiaddr } from "@multiformats/multiaddr"
import { createLibp2p } from "libp2p"
import { EventEmitter, once } from "node:events"

// It is written for Node 22, and this is all that it misses in Node 20.
Promise.withResolvers ??= () => {
  let resolve, reject
  const promise = new Promise((...both) => ([resolve, reject] = both))
  return { promise, resolve, reject }
}

const protocol = "/bench/1.0.0"
// Its defaults hold no benchmark of many peers from one host.
const connectionManager = {
  maxConnections: 10_000,
  maxIncomingPendingConnections: 10_000,
  inboundConnectionThreshold: 1_000_000,
  dialTimeout: 60_000,
  addressDialTimeout: 60_000,
  inboundUpgradeTimeout: 60_000
}
const start = (listen, more) =>
  createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { ping: ping() },
    connectionManager,
    ...more
  })

export const make = ({ Framed }, { heartbeatMillis, idle, writing }) => {
  const connectionMonitor = heartbeatMillis === undefined
    ? { enabled: !idle }
    // A benchmark may load the machine so that an answer comes late; the connection is to stay.
    : { pingInterval: heartbeatMillis, abortConnectionOnPingFailure: false }
  const more = { connectionMonitor }
  const at = (port) => multiaddr(`/ip4/127.0.0.1/tcp/${port}`)
  const contender = Framed.make({
    listen: async (ready) => {
      const node = await start(["/ip4/127.0.0.1/tcp/0"], more)
      await node.handle(protocol, (stream) => ready(new Channel().use(stream)), {
        maxInboundStreams: 10
      })
      return Number(node.getMultiaddrs()[0].toString().split("/")[4])
    },
    connect: (port) => {
      const channel = new Channel()
      start([], more).then((node) => node.dialProtocol(at(port), protocol))
        .then((stream) => channel.use(stream), (error) => channel.emit("error", error))
      return channel
    }
  }, writing)
  const dialler = async () => {
    const node = await start([], more)
    return async (port) => {
      const connection = await node.dial(at(port))
      const stream = await connection.newStream(protocol)
      await once(new Channel().use(stream), "data")
      if (idle) await stream.close()
      return () => connection.close()
    }
  }
  return { ...contender, dialler }
}

/** A stream of libp2p with as much of the manners of a Node stream as is asked for. */
class Channel extends EventEmitter {
  #stream
  #corked

  use(stream) {
    this.#stream = stream
    stream.addEventListener("message", ({ data }) => {
      const bytes = data.subarray()
      this.emit("data", Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    })
    stream.addEventListener("drain", () => this.emit("drain"))
    stream.addEventListener("close", () => this.emit("close"))
    // It rejects if the connection is closed meanwhile.
    stream.addEventListener("remoteCloseWrite", () => void stream.close().catch(() => {}))
    return this
  }

  write(bytes) {
    if (this.#corked === undefined) return this.#stream.send(bytes)
    this.#corked.push(bytes)
    if (this.#corked.length < 2) return true
    const [head, body] = this.#corked
    this.#corked = undefined
    return this.#stream.send(Buffer.concat([head, body]))
  }

  /** A head and a body come, and go out as one. */
  cork() {
    this.#corked = []
  }

  uncork() {}

  destroy() {
    this.#stream.abort(new Error("closed"))
  }
}

export const discover = async () => {
  const node = await start(["/ip4/0.0.0.0/tcp/0"], { peerDiscovery: [mdns()] })
  console.log("Listening")
  node.addEventListener("peer:connect", () => console.log("Connected"))
  // Both hear each other; the second dial finds the connection of the first.
  node.addEventListener("peer:discovery", ({ detail }) => node.dial(detail.id).catch(() => {}))
}
