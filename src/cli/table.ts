/** What a table of options holds. It is plain data, so that help is printed before anything heavy is loaded. */

export interface Option {
  /** How the value is called in the help; an option without one is a switch. */
  readonly value?: string
  /** What it means, in a few words; values of every option have a unit where they need one. */
  readonly text: string
  /** What holds when it is not given, written as on the line. */
  readonly default?: string
  /** May be given more than once. */
  readonly repeatable?: true
  /** Under which heading of the help it stands. */
  readonly section: string
}

/** The options of a command, by their names. */
export type Table = Readonly<Record<string, Option>>

export type Name<T extends Table> = keyof T & string

/** An option that takes a value. */
export type ValueName<T extends Table> = {
  [N in Name<T>]: T[N] extends { readonly value: string } ? N : never
}[Name<T>]

/** An option that has a value in any case. */
export type DefaultedName<T extends Table> = {
  [N in ValueName<T>]: T[N] extends { readonly default: string } ? N : never
}[ValueName<T>]

/** All names, in the order of the help. */
export const namesOf = <T extends Table>(table: T): ReadonlyArray<Name<T>> =>
  Object.keys(table) as ReadonlyArray<Name<T>>
