/**
 * What is wrong with settings, a line each: which setting, its value and what was expected.
 *
 * @since 0.1.0
 */

/** The longest timer of the platform in milliseconds, 24 days. @since 0.1.0 */
export const longestMillis = 2_147_483_647

/** Collects what is wrong with the settings whose names begin so. @since 0.1.0 */
export class Problems {
  readonly all: Array<string> = []
  readonly #beginning: string

  constructor(beginning = "") {
    this.#beginning = beginning
  }

  /** Notes a problem unless something holds. */
  say(holds: boolean, problem: string): void {
    if (!holds) this.all.push(`${this.#beginning}${problem}`)
  }

  whole(name: string, value: number, least: number, most: number): void {
    this.say(
      Number.isInteger(value) && value >= least && value <= most,
      `${name} ${value}: expected a whole number from ${least} to ${most}`
    )
  }

  fraction(name: string, value: number): void {
    this.say(value >= 0 && value <= 1, `${name} ${value}: expected a fraction from 0 to 1`)
  }

  /** Throws a RangeError if anything is wrong. */
  raise(): void {
    if (this.all.length > 0) throw new RangeError(this.all.join("\n"))
  }
}
