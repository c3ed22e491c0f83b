/**
 * When a node comes to its registry again: at an interval, less and less often while that fails, and not before the
 * registry wants it.
 *
 * @since 0.1.0
 */
import type { Limits } from "./Limits.js"

type Needed = Pick<
  Limits,
  "registryJitter" | "registryBackoffCapMillis" | "registryRetryAfterMillis"
>

/**
 * Whole milliseconds until the next visit, after `failures` failed ones in a row and, if it is not 0, the time for which
 * the registry asked to be left alone. `random` is at least 0 and less than 1.
 *
 * @since 0.1.0
 */
export const waitMillis = (
  intervalMillis: number,
  failures: number,
  retryAfterMillis: number,
  random: number,
  limits: Needed
): number => {
  const cap = Math.max(intervalMillis, limits.registryBackoffCapMillis)
  const spread = 1 + limits.registryJitter * (2 * random - 1)
  const asked = retryAfterMillis * (1 + limits.registryJitter * random)
  return Math.ceil(Math.max(
    Math.min(cap, intervalMillis * 2 ** failures) * spread,
    Math.min(limits.registryRetryAfterMillis, asked)
  ))
}
