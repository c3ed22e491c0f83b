/**
 * Which hosts a hint may send a node to. A registry names what it likes, so what no peer can be at is refused.
 *
 * @since 0.1.0
 */
import * as Endpoint from "./Endpoint.js"

/**
 * The host in the one form that is compared, or nothing if it is neither an IP address nor a DNS name, or one that
 * no peer listens at: unspecified, multicast, broadcast, reserved. `linkLocal` lets link-local addresses pass, and
 * those at which clouds keep the service that knows their hosts' secrets.
 *
 * @since 0.1.0
 */
export const parse = (host: string, linkLocal: boolean): string | undefined => {
  const name = normal(host)
  if (name === undefined) return undefined
  if (Endpoint.isIPv4(name)) return isRefused4(name, linkLocal) ? undefined : name
  return Endpoint.isIPv6(name) && isRefused6(name, linkLocal) ? undefined : name
}

/** Where clouds keep that service, if not on a link-local address. */
const metadata: ReadonlySet<string> = new Set(["100.100.100.200", "192.0.0.192", "fd00:ec2::254"])

const isRefused4 = (address: string, linkLocal: boolean): boolean => {
  const first = Number(address.slice(0, address.indexOf(".")))
  return first === 0 || first >= 224 ||
    (!linkLocal && (address.startsWith("169.254.") || metadata.has(address)))
}

const isRefused6 = (address: string, linkLocal: boolean): boolean => {
  const inside = translated.exec(address)
  if (inside !== null) return isRefused4(inside.slice(1).map(Endpoint.twoBytes).join("."), linkLocal)
  return (address.startsWith("::") && address !== "::1") ||
    /^f(?:f..|e[c-f].):/.test(address) ||
    (!linkLocal && (/^fe[89ab].:/.test(address) || metadata.has(address)))
}

/** An IPv4 address that a gateway translates: in the prefix of NAT64, or of 6to4. */
const translated = /^(?:64:ff9b::|2002:)([0-9a-f]+):([0-9a-f]+)/

// A resolver reads `0xa9fea9fe` and `127.1` as addresses. The parser of URLs knows all of their spellings; a name that
// it takes for an address is none.
const normal = (host: string): string | undefined => {
  if (Endpoint.isIPv6(host)) return host.includes("%") ? undefined : Endpoint.canonical(host)
  if (!Endpoint.isIPv4(host) && !Endpoint.isName(host)) return undefined
  const url = `http://${host}/`
  if (!URL.canParse(url)) return undefined
  const parsed = new URL(url).hostname
  return Endpoint.isIPv4(parsed) && !Endpoint.isIPv4(host) ? undefined : parsed
}
