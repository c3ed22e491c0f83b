/**
 * What may go wrong in a world: small rules, each with the time at which it begins and the time at which it heals.
 *
 * @since 0.1.0
 */
import type { Mood } from "./SimulatedBootstrap.js"

interface Span {
  /** Milliseconds of the world. */
  readonly fromMillis: number
  /** Milliseconds of the world; from then on all is well again. */
  readonly toMillis: number
}

/** Nothing passes between two groups of hosts, or only from the second to the first. @since 0.1.0 */
export interface Partition extends Span {
  readonly kind: "partition"
  readonly hosts: ReadonlyArray<string>
  readonly others: ReadonlyArray<string>
  readonly oneWay: boolean
}

/** The link of a host goes down and up again, over and over. @since 0.1.0 */
export interface Flap extends Span {
  readonly kind: "flap"
  readonly host: string
  readonly periodMillis: number
}

/**
 * What one host sends another on open streams is held up, and comes all at once in the end; all else is lost.
 *
 * @since 0.1.0
 */
export interface Clog extends Span {
  readonly kind: "clog"
  readonly from: string
  readonly to: string
}

/** A fraction of all packets is lost, comes twice, or comes late. @since 0.1.0 */
export interface Rough extends Span {
  readonly kind: "loss" | "duplicate" | "reorder"
  readonly fraction: number
}

/** Everything takes longer, by as much as that. @since 0.1.0 */
export interface Delay extends Span {
  readonly kind: "delay"
  readonly millis: number
}

/** All of a host's links carry no more than that. @since 0.1.0 */
export interface Narrow extends Span {
  readonly kind: "narrow"
  readonly host: string
  readonly bytesPerSecond: number
}

/** Streams are reset, at one end or at both, this often. @since 0.1.0 */
export interface Reset extends Span {
  readonly kind: "reset"
  readonly everyMillis: number
}

/** A node dies and its memory with it; it starts again at the end. A host without power takes its sockets along. @since 0.1.0 */
export interface Crash extends Span {
  readonly kind: "crash"
  readonly host: string
  readonly power: boolean
}

/** A node is stopped in order; it starts again at the end. @since 0.1.0 */
export interface Restart extends Span {
  readonly kind: "restart"
  readonly host: string
}

/** A node does nothing, though its host takes what comes. @since 0.1.0 */
export interface Freeze extends Span {
  readonly kind: "freeze"
  readonly host: string
}

/** The wall clock of a host jumps by so much, and back at the end. @since 0.1.0 */
export interface Skew extends Span {
  readonly kind: "skew"
  readonly host: string
  readonly byMillis: number
}

/** The registry is gone, slow or wrong. @since 0.1.0 */
export interface Registry extends Span {
  readonly kind: "registry"
  readonly mood: Mood
}

/** The systems fail their programs in a fraction of the cases. @since 0.1.0 */
export interface Mishap extends Span {
  readonly kind: "mishap"
  readonly fraction: number
}

/** @since 0.1.0 */
export type Fault =
  | Partition
  | Flap
  | Clog
  | Rough
  | Delay
  | Narrow
  | Reset
  | Crash
  | Restart
  | Freeze
  | Skew
  | Registry
  | Mishap

/** @since 0.1.0 */
export type Kind = Fault["kind"]

/** Every kind, and what it does. @since 0.1.0 */
export const kinds: Readonly<Record<Kind, string>> = {
  partition: "nothing passes between two groups of nodes, in both directions or in one",
  flap: "the link of a node goes down and up again, over and over",
  clog: "what one node sends another is held up on open connections, and lost otherwise",
  loss: "packets are lost",
  duplicate: "datagrams come twice",
  reorder: "datagrams overtake each other",
  delay: "everything takes longer",
  narrow: "the links of a node carry a few kilobytes a second",
  reset: "connections are reset, at one end or at both",
  crash: "a node dies without a word and starts again, having forgotten everything",
  restart: "a node is stopped in order and started again",
  freeze: "a node does nothing for a while, as in a laptop that sleeps",
  skew: "the wall clock of a node jumps, and jumps back",
  registry: "the registry is gone, slow or wrong",
  mishap: "the operating systems run out of ports, files and buffers"
}

/**
 * What is wrong with a fault of a world of so many nodes, whatever its times are; nothing if it can happen.
 *
 * @since 0.1.0
 */
export const problem = (fault: Unspanned, nodes: number): string | undefined => {
  if (!Object.hasOwn(kinds, fault.kind)) return `expected ${Object.keys(kinds).join(", ")}`
  const strange = hostsOf(fault).find((host) => !isName(host, nodes))
  if (strange !== undefined) return `no node is called ${strange}; they are n1 to n${nodes}`
  for (const [name, value] of Object.entries(fault)) {
    const [isRight, expected] = numbers.get(name) ?? [() => true]
    if (!isRight(Number(value))) return `${name} ${value}: expected ${expected}`
  }
  return undefined
}

type Unspanned<F extends Fault = Fault> = F extends Fault ? Omit<F, keyof Span> : never

const hostsOf = (fault: Unspanned): ReadonlyArray<string> =>
  fault.kind === "partition"
    ? [...fault.hosts, ...fault.others]
    : fault.kind === "clog"
    ? [fault.from, fault.to]
    : "host" in fault
    ? [fault.host]
    : []

const isName = (host: string, nodes: number): boolean =>
  /^n[1-9]\d*$/.test(host) && Number(host.slice(1)) <= nodes

const isPositive = (value: number): boolean => value > 0

/** What the numbers of all kinds may be: with a period of 0, the time of the world would stand still. */
const numbers: ReadonlyMap<string, readonly [isRight: (value: number) => boolean, expected: string]> =
  new Map([
    ["fraction", [(value) => value >= 0 && value <= 1, "a fraction from 0 to 1"]],
    ["periodMillis", [isPositive, "more than 0"]],
    ["everyMillis", [isPositive, "more than 0"]],
    ["bytesPerSecond", [isPositive, "more than 0"]],
    ["millis", [(value) => value >= 0, "0 or more"]]
  ])

/** One line for people. @since 0.1.0 */
export const describe = (fault: Fault): string => `${span(fault)} ${fault.kind}${details(fault)}`

const span = ({ fromMillis, toMillis }: Span): string => `${seconds(fromMillis)}..${seconds(toMillis)}`

const seconds = (millis: number): string => `${Math.round(millis / 100) / 10}s`

const details = (fault: Fault): string => {
  switch (fault.kind) {
    case "partition":
      return ` of ${fault.hosts.join(",")}${fault.oneWay ? " towards the others" : ""}`
    case "flap":
      return ` of ${fault.host} every ${fault.periodMillis} ms`
    case "clog":
      return ` from ${fault.from} to ${fault.to}`
    case "loss":
    case "duplicate":
    case "reorder":
    case "mishap":
      return ` ${Math.round(fault.fraction * 1_000) / 10}%`
    case "delay":
      return ` up to ${fault.millis} ms`
    case "narrow":
      return ` of ${fault.host} to ${fault.bytesPerSecond} B/s`
    case "reset":
      return ` every ${fault.everyMillis} ms`
    case "crash":
      return ` of ${fault.host}${fault.power ? ", its power with it" : ""}`
    case "restart":
    case "freeze":
      return ` of ${fault.host}`
    case "skew":
      return ` of ${fault.host} by ${seconds(fault.byMillis)}`
    case "registry":
      return `: ${fault.mood}`
  }
}
