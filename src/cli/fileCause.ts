/** Why a file could not be written, from the error of the system, or one of our own with its code or in words. */
export const fileCause = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const code = "code" in error ? String(error.code) : error.message
  return causes[code] ?? code
}

const causes: Readonly<Record<string, string>> = {
  EACCES: "its folder may not be written to",
  EISDIR: "a folder has that name",
  ENOENT: "its folder does not exist",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of its path is no folder",
  EROFS: "the file system is read-only"
}
