/**
 * The beacons of a node over datagrams: one directed broadcast, or one multicast datagram, by each IPv4 interface.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { isIPv6 } from "../domain/Endpoint.js"
import * as Interfaces from "../domain/Interfaces.js"
import { textOf } from "../domain/Reason.js"
import type { Discovery } from "../services/Discovery.js"
import { DiscoveryConfig, type Settings } from "../services/DiscoveryConfig.js"
import { NodeConfig } from "../services/NodeConfig.js"
import * as Beacons from "./beacons.js"
import { codeOf, reasonOf } from "./errno.js"

/** What the system threw or emitted. */
export type Cause = unknown

/** A bound socket. */
export interface Datagrams {
  /** Sends a datagram by the route that the system finds. */
  readonly send: (datagram: Uint8Array, port: number, host: string) => Effect.Effect<void, Cause>
  /** Hears a multicast group by the interface with an address, and sends to groups by it from now on. */
  readonly join: (group: string, address: string) => Effect.Effect<void, Cause>
  /** Why the socket is of no use any more, if so. */
  readonly broken: () => Cause
}

/** What a host offers to whoever sends datagrams. */
export interface System {
  /** Opens a port on all IPv4 interfaces; others may share it. */
  readonly open: (port: number, hear: Beacons.Hear) => Effect.Effect<Datagrams, Cause, Scope.Scope>
  /** The IPv4 interfaces that run now. */
  readonly interfaces: Effect.Effect<ReadonlyArray<Interfaces.Interface>, Cause>
}

/**
 * It never fails: what does not work is told once, and tried again with every beacon. A node that listens on one
 * address alone is announced by the interface with that address alone.
 */
export const discovery = (
  system: System
): Effect.Effect<Discovery["Type"], never, Beacons.Needs | Scope.Scope> =>
  Effect.gen(function*() {
    const config = yield* DiscoveryConfig
    const { host } = yield* NodeConfig
    return yield* Beacons.make((hear) =>
      Effect.map(socketOf(system, config.port, hear), (socket) => (beacons) =>
        Effect.catchAll(
          round(system, config, Option.getOrUndefined(host), socket, beacons),
          (problem) => Effect.succeed({ interfaces: [], sent: [], datagrams: 0, problems: [problem] })
        ))
    )
  })

const group = "239.255.0.1"

const round = (
  system: System,
  config: Settings,
  host: string | undefined,
  socket: Effect.Effect<Datagrams, Beacons.Problem>,
  beacons: ReadonlyArray<Uint8Array>
): Effect.Effect<Beacons.Round, Beacons.Problem> =>
  Effect.gen(function*() {
    const running = yield* Effect.mapError(system.interfaces, unreadable)
    const interfaces = Interfaces.select(running, config.interfaces)
    const reached = Interfaces.reaching(interfaces, host)
    const { join, send } = yield* socket
    const problems = missing(running, interfaces, reached, config, host)
    const sent: Array<string> = []
    const ways = new Set<string>()
    const multicast = config.mode === "multicast"
    // One address of an interface speaks for all of them. By multicast that may be the one that we listen on; broadcasts
    // leave from the first one, whatever we listen on.
    const others = interfaces.filter((each) => !reached.includes(each))
    for (const each of multicast ? [...reached, ...others] : interfaces) {
      const { address, name } = each
      const way = multicast ? name : Interfaces.broadcastOf(each)
      if (way === undefined || ways.has(way)) continue
      ways.add(way)
      const outcome = yield* Effect.either(Effect.gen(function*() {
        if (multicast) yield* join(group, address)
        if (!reached.includes(each)) return
        for (const beacon of beacons) yield* send(beacon, config.port, multicast ? group : way)
        sent.push(name)
      }))
      if (Either.isLeft(outcome)) {
        problems.push(problem(outcome.left, (text) => `${name} (${address}) cannot be used: ${text}`))
      }
    }
    if (interfaces.length > 0 && ways.size === 0) {
      problems.push(missed("no interface in use has a broadcast address; --disc-mode multicast may work"))
    }
    if (reached.length > 0 && sent.length === 0 && problems.length === 0 && beacons.length > 0) {
      problems.push(
        missed(
          `broadcasts do not leave from ${host}, which is not the first address of its interface: it is not announced; ` +
            "--disc-mode multicast may work"
        )
      )
    }
    return { interfaces, sent: [...new Set(sent)], datagrams: sent.length * beacons.length, problems }
  })

/** The socket that is open, or a new one in the place of one that broke or could not be opened. */
const socketOf = (
  system: System,
  port: number,
  hear: Beacons.Hear
): Effect.Effect<Effect.Effect<Datagrams, Beacons.Problem>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (parent) => {
    let current: { readonly udp: Datagrams; readonly scope: Scope.CloseableScope } | undefined
    return Effect.gen(function*() {
      if (current !== undefined && current.udp.broken() === undefined) return current.udp
      if (current !== undefined) yield* Scope.close(current.scope, Exit.void)
      current = undefined
      const scope = yield* Scope.fork(parent, ExecutionStrategy.sequential)
      const udp = yield* system.open(port, hear).pipe(
        Scope.extend(scope),
        Effect.onError(() => Scope.close(scope, Exit.void))
      )
      current = { udp, scope }
      return udp
    }).pipe(Effect.mapError((cause) => unusable(port, cause)))
  })

/** What is wrong with the interfaces themselves. */
const missing = (
  running: ReadonlyArray<Interfaces.Interface>,
  interfaces: ReadonlyArray<Interfaces.Interface>,
  reached: ReadonlyArray<Interfaces.Interface>,
  { interfaces: { include } }: Settings,
  host: string | undefined
): Array<Beacons.Problem> => {
  if (running.length === 0) {
    return [missed("no IPv4 interface is up; discovery begins by itself as soon as one is")]
  }
  const names = [...new Set(running.map(({ name }) => name))]
  const absent = include.filter((name) => !names.includes(name))
  if (absent.length > 0) {
    return absent.map((name) =>
      missed(`--iface ${name}: no IPv4 interface of that name is up; there are ${names.join(", ")}`)
    )
  }
  if (interfaces.length === 0) return [missed("--iface leaves no interface to use")]
  return reached.length === 0
    ? [
      missed(
        isIPv6(host ?? "")
          ? `this node listens on ${host} alone, and discovery is by IPv4: it is not announced`
          : `this node listens on ${host} alone, which is no address of an interface in use: it is not announced`
      )
    ]
    : []
}

const unreadable = (cause: Cause): Beacons.Problem =>
  problem(cause, (text) => `the network interfaces cannot be read: ${text}`)

const missed = (detail: string): Beacons.Problem => ({ reason: "NoInterface", detail })

const unusable = (port: number, cause: Cause): Beacons.Problem => {
  const { reason } = problem(cause, String)
  if (reason === "PortInUse") {
    return {
      reason,
      detail: `UDP port ${port} is in use by a program that does not share it: stop that program ` +
        `(lsof -nP -iUDP:${port}), or give all nodes another --disc-port`
    }
  }
  if (reason === "PermissionDenied") {
    return {
      reason,
      detail: `UDP port ${port} may not be opened by this user: give all nodes a --disc-port of 1024 or more`
    }
  }
  return problem(cause, (text) => `UDP port ${port} cannot be opened: ${text}`)
}

const problem = (cause: Cause, detail: (text: string) => string): Beacons.Problem => {
  const reason = reasonOf(cause)
  const code = codeOf(cause)
  const text = reason === "TransportFailed" ? "the system refuses it" : textOf(reason)
  return { reason, detail: detail(code === undefined ? text : `${text} (${code})`) }
}
