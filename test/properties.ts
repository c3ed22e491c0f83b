/** What holds for every property: a greatest length that is given is meant; fast-check alone stops at ten or so. */
import * as fc from "effect/FastCheck"

fc.configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true })
