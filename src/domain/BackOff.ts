/**
 * How long an endpoint that failed is left alone: doubling from a base to a cap, with jitter on top.
 *
 * @since 0.1.0
 */
import type { Limits } from "./Limits.js"
import type { DialVerdict } from "./NodeEvent.js"

/** Where a wish to dial comes from. A timed one backs off as a manual one does. @since 0.1.0 */
export type Source = typeof DialVerdict.Type["source"]

type Needed = Pick<
  Limits,
  | "manualBackoffMillis"
  | "manualBackoffCapMillis"
  | "automaticBackoffMillis"
  | "automaticBackoffCapMillis"
  | "backoffJitter"
>

/**
 * Milliseconds after `failures` failures in a row, at least 1. `random` is at least 0 and less than 1.
 *
 * @since 0.1.0
 */
export const delayMillis = (source: Source, failures: number, random: number, limits: Needed): number => {
  const { base, cap } = row(source, limits)
  return Math.min(cap, base * 2 ** (failures - 1)) * (1 + limits.backoffJitter * random)
}

/** Milliseconds after what only a person can set right: the cap at once. @since 0.1.0 */
export const longestMillis = (source: Source, random: number, limits: Needed): number =>
  row(source, limits).cap * (1 + limits.backoffJitter * random)

const row = (source: Source, limits: Needed): { readonly base: number; readonly cap: number } =>
  source === "automatic"
    ? { base: limits.automaticBackoffMillis, cap: limits.automaticBackoffCapMillis }
    : { base: limits.manualBackoffMillis, cap: limits.manualBackoffCapMillis }
