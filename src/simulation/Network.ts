/**
 * The hosts of a world and what lies between them.
 *
 * @since 0.1.0
 */
import * as Interfaces from "../domain/Interfaces.js"
import { Ports } from "../internal/ports.js"
import type { Chance } from "./Chance.js"
import * as Path from "./Path.js"
import type { Process } from "./Process.js"
import type { Socket } from "./Tcp.js"
import type { World } from "./World.js"

/** An interface of a host, and the segment that it is on: who is on the same one hears its broadcasts. @since 0.1.0 */
export interface Attachment extends Interfaces.Interface {
  readonly segment: string
}

/** Takes the first packet of a stream: the end at the listener's side. @since 0.1.0 */
export interface Listener {
  readonly process: Process
  readonly accept: (socket: Socket) => void
}

/** A bound UDP port. @since 0.1.0 */
export interface Ear {
  readonly host: Host
  readonly process: Process
  readonly port: number
  /** The multicast groups it is a member of, each with the address of an interface: `group@address`. */
  readonly groups: Set<string>
  readonly hear: (datagram: Uint8Array, from: string) => void
}

/** @since 0.1.0 */
export class Host extends Ports {
  readonly name: string
  readonly attachments: ReadonlyArray<Attachment>
  readonly listeners = new Map<number, Listener>()
  readonly sockets = new Set<Socket>()
  readonly ears = new Set<Ear>()
  /** False while it has no power. */
  up = true
  /** How far its wall clock is off, in milliseconds. */
  skewMillis = 0

  constructor(name: string, attachments: ReadonlyArray<Attachment>) {
    super()
    this.name = name
    this.attachments = attachments
  }

  /** The address that others know it by. */
  get address(): string {
    return this.attachments[0]?.address ?? "127.0.0.1"
  }

  /** Nothing runs on it any more. */
  clear(): void {
    this.listeners.clear()
    this.ears.clear()
    this.releaseAll()
  }
}

/** Something that is wrong between some hosts. @since 0.1.0 */
export interface Disturbance {
  readonly concerns: (from: Host, to: Host) => boolean
  readonly change: Partial<Path.Path>
}

/** @since 0.1.0 */
export class Network {
  readonly world: World
  readonly hosts = new Map<string, Host>()
  readonly chance: Chance
  readonly #base: Path.Path
  readonly #byAddress = new Map<string, Host>()
  readonly #segments = new Map<string, ReadonlyArray<Host>>()
  readonly #disturbances = new Set<Disturbance>()
  #paths = new Map<Host, Map<Host, Path.Path>>()
  readonly #waiting = new Set<() => void>()

  constructor(world: World, base: Partial<Path.Path> = {}) {
    this.world = world
    this.chance = world.chance.fork("network")
    this.#base = { ...Path.quiet, ...base }
  }

  join(host: Host): void {
    this.hosts.set(host.name, host)
    for (const { address, segment } of host.attachments) {
      this.#byAddress.set(address, host)
      this.#segments.set(segment, [...this.#segments.get(segment) ?? [], host])
    }
  }

  find(address: string): Host | undefined {
    return this.#byAddress.get(address)
  }

  /** What lies between two hosts now. */
  path(from: Host, to: Host): Path.Path {
    const known = this.#paths.get(from)?.get(to)
    return known ?? this.#find(from, to)
  }

  #find(from: Host, to: Host): Path.Path {
    const row = this.#paths.get(from) ?? new Map<Host, Path.Path>()
    this.#paths.set(from, row)
    let path: Path.Path = from === to
      ? { ...Path.quiet, latencyMicros: 20, jitterMicros: 10 }
      : this.#base
    for (const { change, concerns } of this.#disturbances) {
      if (from !== to && concerns(from, to)) path = Path.worse(path, change)
    }
    row.set(to, path)
    return path
  }

  disturb(disturbance: Disturbance): void {
    this.#disturbances.add(disturbance)
    this.changed()
  }

  calm(disturbance: Disturbance): void {
    this.#disturbances.delete(disturbance)
    this.changed()
  }

  /** Tells whoever waits for a way. */
  changed(): void {
    this.#paths = new Map()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /** Calls once when something has changed. */
  onChange(wake: () => void): void {
    this.#waiting.add(wake)
  }

  /** Whether a packet can leave one host and reach another now. */
  passes(from: Host, to: Host): boolean {
    return from.up && to.up && !this.path(from, to).blocked
  }

  /** Microseconds that a packet takes on its way. */
  delayMicros(path: Path.Path): number {
    return path.latencyMicros + (path.jitterMicros > 0 ? this.chance.below(path.jitterMicros) : 0)
  }

  /**
   * Sends a datagram from an interface of a host to an address: of a host, of all on the segment, or of a group.
   */
  send(from: Host, via: Attachment, datagram: Uint8Array, port: number, address: string): void {
    if (!from.up) return
    const toAll = address === Interfaces.broadcastOf(via)
    for (const to of this.#near(via.segment)) {
      for (const ear of to.ears) {
        if (ear.port !== port) continue
        const heard = toAll || to.attachments.some((attachment) =>
          attachment.segment === via.segment &&
          (attachment.address === address || ear.groups.has(`${address}@${attachment.address}`))
        )
        if (heard) this.#carry(from, via.address, datagram, ear)
      }
    }
  }

  #near(segment: string): ReadonlyArray<Host> {
    return this.#segments.get(segment) ?? []
  }

  #carry(from: Host, source: string, datagram: Uint8Array, ear: Ear): void {
    const to = ear.host
    const path = this.path(from, to)
    if (!to.up || path.blocked) return
    const copies = this.chance.hits(path.duplicate) ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      if (path.clogged || this.chance.hits(path.loss)) continue
      const late = this.chance.hits(path.reorder) ? this.chance.below(reorderMicros) : 0
      this.world.after(this.delayMicros(path) + late, () => {
        if (!to.up || !to.ears.has(ear)) return
        if (ear.process.state === "running") ear.hear(datagram, source)
        else ear.process.deliver(() => ear.hear(datagram, source))
      })
    }
  }
}

/** How far behind others a datagram may fall. */
const reorderMicros = 50_000
