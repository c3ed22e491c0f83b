/**
 * Streams of bytes between hosts: segments that take their time, are sent again when they are lost, and find nobody
 * when their other end is gone.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Endpoint from "../domain/Endpoint.js"
import type { Reason } from "../domain/Reason.js"
import { type Next, Receiving } from "../internal/receiving.js"
import { Signal } from "../internal/signal.js"
import { type Connection, TransportError } from "../services/Transport.js"
import type { Host, Network } from "./Network.js"
import type { Process } from "./Process.js"

/** Bytes that may be under way or unread before the writer waits. */
const windowBytes = 65_536

/** Milliseconds after which the first packet of a stream is sent again, each counted from the one before. */
const synMillis = [1_000, 2_000, 4_000, 8_000, 16_000]

/** Microseconds until a lost segment is sent again; doubled for each further loss. */
const retransmitMicros = 200_000

/** Milliseconds until a host that nobody has is said to be unreachable. */
const unreachableMillis = 3_000

/** The fraction of reads that take a part of what waits alone. */
const cutReads = 0.2

interface Segment {
  readonly bytes: number
  readonly arrive: (to: Socket) => void
  /** Not sent again if it is lost. */
  readonly once: boolean
}

/** One end of a stream. @since 0.1.0 */
export class Socket {
  readonly network: Network
  readonly host: Host
  readonly process: Process
  readonly local: Endpoint.Endpoint
  readonly remote: Endpoint.Endpoint
  /** The other end, from the time it exists; it may be gone. */
  peer: Socket | undefined
  /** Whether the stream stands. */
  open = false
  /** Why nothing passes any more. */
  broken: Reason | undefined
  readonly #farHost: Host | undefined
  readonly #opened = new Signal()
  readonly #space = new Signal()
  readonly #receiving = new Receiving(() => this.#next())
  /** The writer was told to wait. */
  #waited = false
  /** Something was written behind the end. */
  #late = false
  #inbox: Array<Uint8Array> = []
  #finished = false
  #orphaned = false
  #ended = false
  #closed = false
  #unread = 0
  /** Bytes that were written and not read at the other end. */
  #outstanding = 0
  #waiting: Array<Segment> = []
  #freeAtMicros = 0
  #arrivesAtMicros = 0

  constructor(
    network: Network,
    process: Process,
    host: Host,
    local: Endpoint.Endpoint,
    remote: Endpoint.Endpoint
  ) {
    this.network = network
    this.process = process
    this.host = host
    this.local = local
    this.remote = remote
    this.#farHost = network.find(remote.host)
    host.sockets.add(this)
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Waits until the stream stands. */
  readonly connected: Effect.Effect<void, TransportError> = Effect.suspend(() => {
    if (this.broken !== undefined) return this.#fail(this.broken)
    return this.open ? Effect.void : Effect.zipRight(this.#opened.next(), this.connected)
  })

  /** What a program sees of it. */
  get connection(): Connection {
    return {
      local: this.local,
      remote: this.remote,
      receive: (receiver) => this.#receiving.receive(receiver),
      write: (chunks, left) => {
        if (this.#closed || this.broken !== undefined) return false
        if (this.#ended) {
          this.#late = true
          return false
        }
        for (const chunk of chunks) this.#push(chunk)
        left?.(chunks)
        this.#waited = this.#outstanding >= windowBytes
        return !this.#waited
      },
      drained: Effect.suspend(() => this.#late ? this.#fail("BrokenPipe") : this.#below),
      end: Effect.suspend(() => {
        if (!this.#closed && this.broken === undefined && !this.#ended) this.#finish()
        return this.#below
      }),
      abort: () => this.close(true)
    }
  }

  /** Closes this end: the other learns of it if it can be reached, and of a reset if something was left unread. */
  close(abort = false): void {
    if (this.#closed) return
    this.#closed = true
    this.host.sockets.delete(this)
    const reset = abort || this.#unread > 0
    this.#inbox = []
    if (this.broken === undefined) {
      if (reset) this.#abort()
      else if (!this.#ended) this.#finish()
    }
    this.#wake()
  }

  /** This end ceases to be without a word. */
  vanish(): void {
    this.#closed = true
    this.#waiting = []
    this.host.sockets.delete(this)
  }

  /** This end finds the stream reset. */
  reset(reason: Reason = "ConnectionReset"): void {
    if (this.#closed || this.broken !== undefined) return
    this.broken = reason
    this.#waiting = []
    this.#wake()
  }

  /** The other end knows of no such stream any more, which this one learns when it sends something. */
  orphan(): void {
    this.#orphaned = true
  }

  /** The stream stands from now on. */
  opens(): void {
    this.open = true
    this.#opened.raise()
  }

  #next(): Next {
    if (this.#closed) return this.#fail("ConnectionAborted")
    const chunk = this.#take()
    if (chunk !== undefined) return chunk
    if (this.broken !== undefined) return this.#fail(this.broken)
    return this.#finished ? Effect.succeed(Option.none()) : undefined
  }

  readonly #below: Effect.Effect<void, TransportError> = Effect.suspend(() => {
    if (this.#closed) return this.#fail("ConnectionAborted")
    if (this.broken !== undefined) return this.#fail(this.broken)
    return this.#outstanding < windowBytes ? Effect.void : Effect.zipRight(this.#space.next(), this.#below)
  })

  /** So many bytes were read at the other end. */
  #delivered(count: number): void {
    this.#outstanding -= count
    this.#space.raise()
    if (!this.#waited || this.#outstanding >= windowBytes) return
    this.#waited = false
    this.#receiving.drained()
  }

  #push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return
    const bytes = new Uint8Array(chunk)
    this.#outstanding += bytes.byteLength
    this.#send({
      bytes: bytes.byteLength,
      once: false,
      arrive: (to) => to.#receive(bytes)
    })
  }

  #receive(bytes: Uint8Array): void {
    this.#inbox.push(bytes)
    this.#unread += bytes.byteLength
    this.#receiving.wake()
  }

  #finish(): void {
    this.#ended = true
    this.#send({
      bytes: 0,
      once: false,
      arrive: (to) => {
        to.#finished = true
        to.#receiving.wake()
      }
    })
  }

  #abort(): void {
    this.#waiting = []
    this.#send({ bytes: 0, once: true, arrive: (to) => to.reset() })
  }

  #take(): Uint8Array | undefined {
    if (this.#unread === 0) return undefined
    const whole = this.#inbox.length === 1 && this.#inbox[0] !== undefined
      ? this.#inbox[0]
      : Buffer.concat(this.#inbox)
    const { chance } = this.network
    const count = this.#unread > 1 && chance.hits(cutReads) ? chance.between(1, this.#unread) : this.#unread
    this.#inbox = count < this.#unread ? [whole.subarray(count)] : []
    this.#unread -= count
    const { peer } = this
    if (peer !== undefined) peer.#delivered(count)
    return Uint8Array.prototype.slice.call(whole, 0, count)
  }

  #send(segment: Segment): void {
    this.#waiting.push(segment)
    if (this.#waiting.length === 1) this.#pump()
  }

  /** Sends what waits, as far as there is a way. */
  #pump(): void {
    const { network } = this
    const far = this.#farHost
    if (far === undefined) return
    for (let [segment] = this.#waiting; segment !== undefined; [segment] = this.#waiting) {
      const path = network.path(this.host, far)
      const passes = network.passes(this.host, far) && !path.clogged
      if (!passes && !segment.once) {
        network.onChange(() => this.#pump())
        return
      }
      this.#waiting.shift()
      if (passes) this.#travel(segment, path)
    }
  }

  #travel({ arrive, bytes }: Segment, path: ReturnType<Network["path"]>): void {
    const { network } = this
    const { world } = network
    this.#freeAtMicros = Math.max(this.#freeAtMicros, world.nowMicros) + bytes * 1e6 / path.bytesPerSecond
    let delay = this.#freeAtMicros - world.nowMicros + network.delayMicros(path)
    for (
      let again = retransmitMicros;
      again < 8 * retransmitMicros && network.chance.hits(path.loss);
      again *= 2
    ) {
      delay += again
    }
    this.#arrivesAtMicros = Math.max(this.#arrivesAtMicros, world.nowMicros + delay)
    world.after(this.#arrivesAtMicros - world.nowMicros, () => {
      const { peer } = this
      if (peer === undefined || !peer.host.up) return
      if (!peer.closed && !this.#orphaned) arrive(peer)
      // Nobody is there any more; who sent something learns of it.
      else if (bytes > 0 && network.passes(peer.host, this.host)) {
        world.after(network.delayMicros(path), () => this.reset())
      }
    })
  }

  #wake(): void {
    this.#opened.raise()
    this.#receiving.wake()
    this.#space.raise()
  }

  #fail(reason: Reason): Effect.Effect<never, TransportError> {
    return Effect.fail(new TransportError({ reason, endpoint: this.remote }))
  }
}

/** Begins to open a stream to an endpoint; its port at this end is given back when it is closed. @since 0.1.0 */
export const connect = (
  network: Network,
  process: Process,
  host: Host,
  port: number,
  endpoint: Endpoint.Endpoint
): Socket => {
  const { world } = network
  const socket = new Socket(network, process, host, Endpoint.make(host.address, port), endpoint)
  const far = network.find(endpoint.host)
  if (far === undefined) {
    world.after(unreachableMillis * 1_000, () => socket.reset("HostUnreachable"))
    return socket
  }
  const attempt = (tries: number): void => {
    if (socket.closed || socket.open || socket.broken !== undefined) return
    const wait = synMillis[tries]
    if (wait !== undefined) world.after(wait * 1_000, () => attempt(tries + 1))
    const path = network.path(host, far)
    if (!network.passes(host, far) || path.clogged || network.chance.hits(path.loss)) return
    world.after(network.delayMicros(path), () => answer(socket, far))
  }
  attempt(0)
  return socket
}

/** The first packet of a stream has come to a host. */
const answer = (socket: Socket, far: Host): void => {
  const { host, network } = socket
  if (!far.up) return
  const back = network.path(far, host)
  const returns = (arrive: () => void): void => {
    if (!network.passes(far, host) || back.clogged) return
    network.world.after(network.delayMicros(back), arrive)
  }
  const confirm = (end: Socket): void =>
    returns(() => {
      if (socket.open) return
      if (socket.closed || socket.broken !== undefined) end.reset()
      else socket.opens()
    })
  // The first packet came again, for the answer to it was lost.
  if (socket.peer !== undefined) return confirm(socket.peer)
  const listener = far.listeners.get(socket.remote.port)
  if (listener === undefined) return returns(() => socket.reset("ConnectionRefused"))
  const end = new Socket(network, listener.process, far, socket.remote, socket.local)
  end.peer = socket
  end.opens()
  socket.peer = end
  confirm(end)
  listener.process.scheduleTask(() => listener.accept(end))
}
