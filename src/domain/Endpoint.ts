/**
 * An address to listen on or to dial: a host (IPv4, IPv6 or a DNS name) and a TCP port.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"

/** The greatest port. @since 0.1.0 */
export const maxPort = 65_535

const mapped = /^::ffff:([\d.]+)$/i
const mappedGroups = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
const dnsName = /^(?=.{1,253}$)(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/

/**
 * A host and a port, equal by value. The host is in the one form that is compared, whoever makes it: lower case, an
 * IPv6 address as RFC 5952 writes it, but an IPv4 address mapped into IPv6 as plain IPv4.
 *
 * Not a class of a schema, for one costs a connection more than the rest of this.
 *
 * @since 0.1.0
 */
export class Endpoint extends Data.Class<{ readonly host: string; readonly port: number }> {
  #text: string | undefined

  /** Throws a RangeError if the port is not one from 0 to 65535. */
  constructor({ host, port }: { readonly host: string; readonly port: number }) {
    if (!(Number.isInteger(port) && port >= 0 && port <= maxPort)) {
      throw new RangeError(`port ${port} of ${host}: expected a whole number from 0 to ${maxPort}`)
    }
    super({ host: canonical(host), port })
  }

  /** `host:port`, an IPv6 host in brackets. It is the key of every table of endpoints, and so is made once. */
  override toString(): string {
    return this.#text ??= this.host.includes(":")
      ? `[${this.host}]:${this.port}`
      : `${this.host}:${this.port}`
  }
}

/** An endpoint with any host. Throws as its constructor does. @since 0.1.0 */
export const make = (host: string, port: number): Endpoint => new Endpoint({ host, port })

/**
 * Parses `host:port`, `tcp://host:port` or `[v6]:port`. The left side says what was expected.
 *
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<Endpoint, string> => {
  const bare = text.replace(/^tcp:\/\//i, "").replace(/\/$/, "")
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:[\]/@?#]+)):(?<port>\d{1,5})$/.exec(bare)
  if (match?.groups === undefined) {
    return Either.left("expected host:port, tcp://host:port or [ipv6]:port, such as 127.0.0.1:9001")
  }
  const { host, port: digits, v6 } = match.groups
  const port = Number(digits)
  if (port < 1 || port > maxPort) return Either.left(`expected a port from 1 to ${maxPort}`)
  if (v6 !== undefined) {
    return isIPv6(v6)
      ? Either.right(make(v6, port))
      : Either.left("expected an IPv6 address between the brackets")
  }
  if (host === undefined || !(ipv4.test(host) || isName(host))) {
    return Either.left("expected an IPv4 address, an IPv6 address in brackets or a DNS name before the port")
  }
  return Either.right(make(host, port))
}

/** Whether a host is an IPv4 address. @since 0.1.0 */
export const isIPv4 = (host: string): boolean => ipv4.test(host)

/** Whether a host is an IPv6 address, with or without a zone. @since 0.1.0 */
export const isIPv6 = (host: string): boolean => {
  const [address = "", zone, more] = host.split("%")
  if (zone === "" || more !== undefined) return false
  const halves = address.split("::")
  if (halves.length > 2) return false
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")))
  const last = groups.at(-1)
  const dotted = last !== undefined && address.endsWith(last) && ipv4.test(last)
  const count = groups.length + (dotted ? 1 : 0)
  if (!(dotted ? groups.slice(0, -1) : groups).every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return false
  return halves.length === 2 ? count <= 7 : count === 8
}

/** Whether a host is a DNS name, which digits and dots alone are not. @since 0.1.0 */
export const isName = (host: string): boolean => dnsName.test(host) && !/^[\d.]+$/.test(host)

/** Whether a host is a loopback address (127.0.0.0/8 or ::1). @since 0.1.0 */
export const isLoopback = (host: string): boolean =>
  host === "::1" || host.toLowerCase() === "localhost" || (isIPv4(host) && host.startsWith("127."))

/** A host in the one form that is compared. @since 0.1.0 */
export const canonical = (host: string): string => {
  if (!host.includes(":")) return host.toLowerCase()
  // As the system gives it for every IPv4 connection to a port that takes both.
  const inside = mapped.exec(host)?.[1]
  if (inside !== undefined && isIPv4(inside)) return inside
  if (!isIPv6(host)) return host.toLowerCase()
  const [address, zone] = host.split("%")
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const groups = mappedGroups.exec(short)
  if (groups !== null) return groups.slice(1).map(twoBytes).join(".")
  // The zone is the name of an interface, whose case counts.
  return zone === undefined ? short : `${short}%${zone}`
}

/** The part of an IPv4 address that a group of an IPv6 address holds, such as `127.0` for `7f00`. @since 0.1.0 */
export const twoBytes = (group: string): string => {
  const value = Number.parseInt(group, 16)
  return `${value >> 8}.${value & 255}`
}
