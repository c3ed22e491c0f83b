/**
 * Which hosts a hint may send a node to. A registry names what it likes, so what no peer can be at is refused.
 *
 * @since 0.1.0
 */
import * as Endpoint from "./Endpoint.js"

/**
 * The host in the one form that is compared, or nothing if it is neither an IP address nor a DNS name, or one that
 * no peer listens at: unspecified, multicast, broadcast, reserved. `linkLocal` lets link-local addresses pass, among
 * which clouds keep the service that knows their hosts' secrets.
 *
 * @since 0.1.0
 */
export const parse = (host: string, linkLocal: boolean): string | undefined => {
  const name = normal(host)
  if (name === undefined) return undefined
  if (Endpoint.isIPv4(name)) return isRefused4(name, linkLocal) ? undefined : name
  return Endpoint.isIPv6(name) && isRefused6(name, linkLocal) ? undefined : name
}

const metadata6 = "fd00:ec2::254"

const isRefused4 = (address: string, linkLocal: boolean): boolean => {
  const first = Number(address.slice(0, address.indexOf(".")))
  return first === 0 || first >= 224 || (!linkLocal && address.startsWith("169.254."))
}

const isRefused6 = (address: string, linkLocal: boolean): boolean =>
  (address.startsWith("::") && address !== "::1") ||
  /^ff..:/.test(address) ||
  (!linkLocal && (/^fe[89ab].:/.test(address) || address === metadata6))

// One address has many spellings, and a resolver reads `0xa9fea9fe` and `127.1` as addresses. The parser of URLs
// knows them all; a name that it takes for an address is none.
const normal = (host: string): string | undefined => {
  const isIPv6 = Endpoint.isIPv6(host)
  if (!isIPv6 && !Endpoint.isIPv4(host) && !Endpoint.isName(host)) return undefined
  const url = `http://${isIPv6 ? `[${host}]` : host}/`
  if (!URL.canParse(url)) return undefined
  const parsed = new URL(url).hostname.replace(/^\[|\]$/g, "")
  if (!isIPv6) return Endpoint.isIPv4(parsed) && !Endpoint.isIPv4(host) ? undefined : parsed
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(parsed)
  return mapped === null ? parsed : mapped.slice(1).map(twoBytes).join(".")
}

const twoBytes = (group: string): string => {
  const value = Number.parseInt(group, 16)
  return `${value >> 8}.${value & 255}`
}
