/**
 * The IPv4 interfaces of a host: which are used, where their broadcasts go and whom they reach directly.
 *
 * @since 0.1.0
 */
import { canonical, isIPv4, isLoopback } from "./Endpoint.js"

/** One IPv4 address of an interface that runs. @since 0.1.0 */
export interface Interface {
  readonly name: string
  readonly address: string
  /** In dotted form, such as 255.255.255.0. */
  readonly netmask: string
}

/** Names of interfaces: only those included, if there are any, and none of those excluded. @since 0.1.0 */
export interface Selection {
  readonly include: ReadonlyArray<string>
  readonly exclude: ReadonlyArray<string>
}

/** The interfaces that a selection leaves. @since 0.1.0 */
export const select = (
  interfaces: ReadonlyArray<Interface>,
  { exclude, include }: Selection
): ReadonlyArray<Interface> =>
  interfaces.filter(({ name }) => (include.length === 0 || include.includes(name)) && !exclude.includes(name))

/**
 * The interfaces by which a node can be dialled that listens on `host`, however that is written; all of them without
 * one or for `0.0.0.0` and `::`.
 *
 * @since 0.1.0
 */
export const reaching = (
  interfaces: ReadonlyArray<Interface>,
  host = "::"
): ReadonlyArray<Interface> => {
  const own = canonical(host)
  return own === "0.0.0.0" || own === "::"
    ? interfaces
    : interfaces.filter(({ address }) => address === own || (own === "localhost" && isLoopback(address)))
}

/** The directed broadcast address; none where the netmask leaves no room for one. @since 0.1.0 */
export const broadcastOf = ({ address, netmask }: Interface): string | undefined => {
  const hosts = ~bitsOf(netmask) >>> 0
  return hosts < 3 ? undefined : dotted((bitsOf(address) | hosts) >>> 0)
}

/** Whether an IPv4 address is one of those that an interface reaches without a router. @since 0.1.0 */
export const isOnLink = (interfaces: ReadonlyArray<Interface>, host: string): boolean => {
  if (!isIPv4(host)) return false
  const bits = bitsOf(host)
  return interfaces.some(({ address, netmask }) => ((bitsOf(address) ^ bits) & bitsOf(netmask)) === 0)
}

/** Whether an address is one of this very host. @since 0.1.0 */
export const isOwn = (interfaces: ReadonlyArray<Interface>, host: string): boolean =>
  isLoopback(host) || interfaces.some(({ address }) => address === host)

/** Whether two lists hold the same interfaces in the same order. @since 0.1.0 */
export const isSame = (some: ReadonlyArray<Interface>, others: ReadonlyArray<Interface>): boolean =>
  some.length === others.length &&
  some.every(({ address, name, netmask }, at) => {
    const other = others[at]
    return other?.address === address && other.name === name && other.netmask === netmask
  })

// Digit by digit, since every beacon asks.
const bitsOf = (address: string): number => {
  let bits = 0
  let part = 0
  for (let at = 0; at < address.length; at++) {
    const code = address.charCodeAt(at)
    if (code === dot) {
      bits = (bits << 8) | part
      part = 0
    } else part = 10 * part + code - zero
  }
  return (bits << 8) | part
}

const dot = 0x2e
const zero = 0x30

const dotted = (bits: number): string => [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join(".")
