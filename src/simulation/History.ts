/**
 * A number over time, kept in little space: what lies close together becomes one, with the least it was in between.
 *
 * @since 0.1.0
 */

/** What a number was in a short time. @since 0.1.0 */
export interface Moment {
  /** Milliseconds of the world. */
  readonly atMillis: number
  readonly least: number
  readonly last: number
}

/** Moments that are kept. */
const most = 4_096

/** @since 0.1.0 */
export class History {
  #grainMicros = 1_000
  #moments: Array<Moment> = []

  /** The number changes, at a time that is not before that of the last change. */
  add(atMicros: number, value: number): void {
    this.#put(this.#moments, { atMillis: atMicros / 1_000, least: value, last: value }, this.#grainMicros)
    while (this.#moments.length > most) this.#coarsen()
  }

  /** All changes, in so many moments at most. */
  within(count: number): ReadonlyArray<Moment> {
    let moments = this.#moments
    for (let grain = this.#grainMicros * 2; moments.length > Math.max(1, count); grain *= 2) {
      moments = this.#merged(moments, grain)
    }
    return moments
  }

  #coarsen(): void {
    this.#grainMicros *= 2
    this.#moments = this.#merged(this.#moments, this.#grainMicros)
  }

  #merged(moments: ReadonlyArray<Moment>, grainMicros: number): Array<Moment> {
    const fewer: Array<Moment> = []
    for (const moment of moments) this.#put(fewer, moment, grainMicros)
    return fewer
  }

  #put(moments: Array<Moment>, moment: Moment, grainMicros: number): void {
    const grain = (millis: number) => Math.floor(millis * 1_000 / grainMicros)
    const before = moments.at(-1)
    if (before === undefined || grain(before.atMillis) !== grain(moment.atMillis)) moments.push(moment)
    else {
      moments[moments.length - 1] = {
        atMillis: before.atMillis,
        least: Math.min(before.least, moment.least),
        last: moment.last
      }
    }
  }
}
