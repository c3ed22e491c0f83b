/** What is said of a stdout that cannot be written to; nothing if its reader has gone, as that of `| head` does. */
export const unwritable = (code: string): string | undefined =>
  code === "EPIPE" || code === "EIO" ? undefined : `stdout cannot be written to (${code})`
