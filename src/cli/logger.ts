/** Log lines of the program, as events like any other. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as HashMap from "effect/HashMap"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type { NodeEvent } from "../domain/NodeEvent.js"
import * as Level from "./level.js"

/** Sends what is logged from `level` on to `emit` instead of stdout. */
export const layer = (level: Level.Level, emit: (event: NodeEvent) => void): Layer.Layer<never> =>
  Layer.merge(
    Logger.minimumLogLevel(minimum[level]),
    Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ annotations, cause, date, logLevel, message }) =>
        emit({
          ev: "log",
          atMillis: date.getTime(),
          level: Level.parse(logLevel.label) ?? "info",
          message: [
            ...Arr.ensure(message).map((part) =>
              part instanceof Error ? Cause.pretty(Cause.fail(part)) : Inspectable.toStringUnknown(part)
            ),
            ...Arr.map(HashMap.toEntries(annotations), ([key, value]) =>
              `${key}=${Inspectable.toStringUnknown(value)}`),
            ...(Cause.isEmpty(cause) ? [] : [`\n${Cause.pretty(cause, { renderErrorCause: true })}`])
          ].join(" ")
        })
      )
    )
  )

const minimum: Readonly<Record<Level.Level, LogLevel.LogLevel>> = {
  trace: LogLevel.Trace,
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warn: LogLevel.Warning,
  error: LogLevel.Error,
  critical: LogLevel.Fatal,
  off: LogLevel.None
}
