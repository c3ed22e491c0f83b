/**
 * What lies between two hosts, in one direction.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export interface Path {
  /** Nothing passes; streams try again, datagrams are lost. */
  readonly blocked: boolean
  /** Nothing passes for now: what is sent on open streams waits, all else is lost. */
  readonly clogged: boolean
  /** Microseconds on the way. */
  readonly latencyMicros: number
  /** Microseconds that may come on top, drawn anew for all that is sent. */
  readonly jitterMicros: number
  /** The fraction of packets that is lost; a stream sends them again. */
  readonly loss: number
  /** The fraction of datagrams that comes twice. */
  readonly duplicate: number
  /** The fraction of datagrams that comes late, behind others. */
  readonly reorder: number
  /** Bytes a second; infinite for a path that nobody fills. */
  readonly bytesPerSecond: number
}

/** A quiet local network. @since 0.1.0 */
export const quiet: Path = {
  blocked: false,
  clogged: false,
  latencyMicros: 300,
  jitterMicros: 200,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY
}

/** A path on which both of two things are wrong. @since 0.1.0 */
export const worse = (path: Path, change: Partial<Path>): Path => ({
  blocked: path.blocked || change.blocked === true,
  clogged: path.clogged || change.clogged === true,
  latencyMicros: path.latencyMicros + (change.latencyMicros ?? 0),
  jitterMicros: path.jitterMicros + (change.jitterMicros ?? 0),
  loss: either(path.loss, change.loss),
  duplicate: either(path.duplicate, change.duplicate),
  reorder: either(path.reorder, change.reorder),
  bytesPerSecond: Math.min(path.bytesPerSecond, change.bytesPerSecond ?? Number.POSITIVE_INFINITY)
})

const either = (a: number, b = 0): number => 1 - (1 - a) * (1 - b)
