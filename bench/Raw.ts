/** TCP without any protection: the limit of what a socket can do. */
import { once } from "node:events"
import * as Net from "node:net"
import { type Contender, message } from "./Contender.js"
import * as Framed from "./Framed.js"

const sockets = {
  listen: async (ready: (socket: Net.Socket) => void) => {
    const server = Net.createServer({ noDelay: true }, ready).listen(0, "127.0.0.1")
    await once(server, "listening")
    return (server.address() as Net.AddressInfo).port
  },
  connect: (port: number) => Net.connect({ host: "127.0.0.1", port, noDelay: true })
}

export const make = (writing: Framed.Writing): Contender => Framed.make(sockets, writing)

/**
 * Its ends ask each other for a sign of life about so often, in the three writes that this takes at least: a question,
 * its answer with a question, and the answer to that.
 */
export const beating = (millis: number): Contender => ({
  ...Framed.make({ ...sockets, connect: (port) => asking(sockets.connect(port), millis) }, "each"),
  serve: () =>
    sockets.listen((socket) => {
      socket.on("error", () => socket.destroy())
      socket.on("data", ([kind]: Buffer) => {
        if (kind === question[0]) socket.write(answerAndQuestion)
      })
      socket.write(message("greeting", 8))
    })
})

/** A socket that asks about so often, and answers all that comes. */
const asking = (socket: Net.Socket, millis: number): Net.Socket => {
  const beat = () => {
    socket.write(question)
    timer = wait()
  }
  const wait = () => setTimeout(beat, millis * (0.9 + 0.2 * Math.random()))
  let timer = wait()
  return socket
    .on("error", () => socket.destroy())
    .on("data", () => socket.write(answer))
    .on("close", () => clearTimeout(timer))
}

/** As long as a frame of ours with 8 bytes to be sent back. */
const beatBytes = 60

const question = message("asked", beatBytes)
const answer = message("returned", beatBytes)
const answerAndQuestion = Buffer.concat([answer, question])
