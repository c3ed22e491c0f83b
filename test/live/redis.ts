/** A Redis of a test's own: on loopback, at a free port, and with nothing on the disk. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import { createInterface } from "node:readline"

const program = "redis-server"

/** Whether the program is there. */
export const isThere = spawnSync(program, ["--version"]).error === undefined

if (!isThere) console.warn(`${program} is not installed: the tests of the store in Redis are skipped`)

export interface Redis {
  readonly url: string
  readonly process: ChildProcess
  readonly stop: () => Promise<void>
}

/** Starts one, at a port that was free a moment ago unless it is named. */
export const start = async (port?: number): Promise<Redis> => {
  for (let left = 5;; left--) {
    const chosen = port ?? await freePort()
    const child = spawn(
      program,
      ["--port", String(chosen), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
      { stdio: ["ignore", "pipe", "inherit"] }
    )
    const exited = once(child, "exit")
    if (await isReady(child)) {
      const stop = async () => {
        child.kill("SIGKILL")
        await exited
      }
      return { url: `redis://127.0.0.1:${chosen}`, process: child, stop }
    }
    if (left === 0) throw new Error(`${program} does not start`)
  }
}

const isReady = async (child: ChildProcess): Promise<boolean> => {
  if (child.stdout === null) return false
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes("Ready to accept connections")) {
      child.stdout.resume()
      return true
    }
  }
  return false
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  await once(server.close(), "close")
  return typeof address === "object" && address !== null ? address.port : 0
}
