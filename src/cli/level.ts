/** Levels of log lines, from the most to the least talkative. */

export const levels = ["trace", "debug", "info", "warn", "error", "critical", "off"] as const

export type Level = (typeof levels)[number]

const aliases: Readonly<Record<string, Level>> = {
  warning: "warn",
  err: "error",
  fatal: "critical",
  none: "off"
}

/** The level that a word or alias names, in any case. */
export const parse = (word: string): Level | undefined => {
  const lower = word.toLowerCase()
  return levels.find((level) => level === lower) ??
    (Object.hasOwn(aliases, lower) ? aliases[lower] : undefined)
}

/** Whether a line of a level is shown where lines from `threshold` on are. */
export const shows = (threshold: Level, level: Level): boolean =>
  threshold !== "off" && levels.indexOf(level) >= levels.indexOf(threshold)
