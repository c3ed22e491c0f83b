/**
 * What the operating system's error codes mean to a node: the one table from errno to reason.
 *
 * @since 0.1.0
 */
import type { Reason } from "../domain/Reason.js"

// From the most telling to the least: where several addresses of a name failed, what an answering host said
// counts more than that there was no way to another.
const rows: ReadonlyArray<readonly [code: string, reason: Reason]> = [
  ["ECONNREFUSED", "ConnectionRefused"],
  ["ECONNRESET", "ConnectionReset"],
  ["ECONNABORTED", "ConnectionAborted"],
  ["EPIPE", "BrokenPipe"],
  ["ERR_STREAM_DESTROYED", "BrokenPipe"],
  ["ERR_STREAM_WRITE_AFTER_END", "BrokenPipe"],
  ["ERR_SOCKET_CLOSED", "BrokenPipe"],
  ["EADDRINUSE", "PortInUse"],
  ["EACCES", "PermissionDenied"],
  ["EPERM", "PermissionDenied"],
  ["EMFILE", "TooManyOpenFiles"],
  ["ENFILE", "TooManyOpenFiles"],
  ["ETIMEDOUT", "ConnectTimeout"],
  ["ERR_SOCKET_CONNECTION_TIMEOUT", "ConnectTimeout"],
  ["EHOSTUNREACH", "HostUnreachable"],
  ["EHOSTDOWN", "HostUnreachable"],
  ["ENETUNREACH", "NetworkUnreachable"],
  ["ENETDOWN", "NetworkUnreachable"],
  ["EADDRNOTAVAIL", "AddressNotAvailable"],
  ["EAFNOSUPPORT", "AddressNotAvailable"],
  ["EINVAL", "AddressNotAvailable"],
  ["ENOTFOUND", "NameNotFound"],
  ["ENODATA", "NameNotFound"],
  ["EAI_AGAIN", "NameLookupFailed"],
  ["EAI_FAIL", "NameLookupFailed"]
]

/**
 * The reason that stands for what `node:net` threw or emitted; `TransportFailed` where the table has no row. Of an
 * error that holds several (one for each address of a name) the most telling counts.
 *
 * @since 0.1.0
 */
export const reasonOf = (cause: unknown): Reason => {
  const codes = new Set(partsOf(cause).map(codeOf))
  return rows.find(([code]) => codes.has(code))?.[1] ?? "TransportFailed"
}

/** What the operating system, or Node, calls the cause of an error. @since 0.1.0 */
export const codeOf = (cause: unknown): unknown =>
  typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined

const partsOf = (cause: unknown): ReadonlyArray<unknown> =>
  typeof cause === "object" && cause !== null && "errors" in cause && Array.isArray(cause.errors)
    ? cause.errors
    : [cause]
