/** `@hyperswarm/secret-stream` over TCP: Noise XX and libsodium's secretstream, native code; a key of its own each. */
import SecretStream from "@hyperswarm/secret-stream"
import { once } from "node:events"
import { connect, createServer } from "node:net"

export const make = ({ Framed, message, Tally }, { heartbeatMillis, writing }) => {
  const keepAlive = heartbeatMillis ?? 0
  const dialled = (port, keyPair) =>
    new SecretStream(true, connect({ host: "127.0.0.1", port, noDelay: true }), { keyPair, keepAlive })
  const listen = async (ready) => {
    const keyPair = SecretStream.keyPair()
    const server = createServer({ noDelay: true }, (socket) => {
      const stream = new SecretStream(false, socket, { keyPair, keepAlive })
      // A client that leaves may do so with a reset.
      stream.on("error", () => {})
      ready(stream)
    })
    await once(server.listen(0, "127.0.0.1"), "listening")
    return server.address().port
  }
  const dialler = () => {
    const keyPair = SecretStream.keyPair()
    return Promise.resolve(async (port) => {
      const stream = dialled(port, keyPair)
      await once(stream, "data")
      return async () => {
        const closed = once(stream, "close")
        stream.destroy()
        await closed
      }
    })
  }
  // It has messages, and cuts them out again at the other end.
  const whole = {
    serve: () =>
      listen((stream) => {
        const tally = new Tally()
        stream.on("data", (bytes) => {
          const answer = tally.take(bytes)
          if (answer !== undefined) stream.write(answer)
        })
        stream.write(message("greeting", 8))
      }),
    connect: async (port) => {
      const stream = dialled(port, SecretStream.keyPair())
      await once(stream, "data")
      let answered = () => {}
      stream.on("data", (bytes) => answered(bytes))
      return Framed.asking({
        send: (bytes) => stream.write(bytes),
        sendNow: (bytes) => stream.write(bytes),
        drained: () => once(stream, "drain"),
        onAnswer: (listener) => (answered = listener)
      })
    }
  }
  const gathered = Framed.make({ listen, connect: (port) => dialled(port, SecretStream.keyPair()) }, writing)
  return { ...(writing === "each" ? whole : gathered), dialler }
}
