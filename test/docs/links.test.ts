import { assert, describe, it } from "@effect/vitest"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { documents, root, targetOf } from "./documents.js"

describe("links between documents", () => {
  for (const from of documents.values()) {
    it(`resolve in ${from.name}`, () => {
      for (const link of from.links) {
        const target = targetOf(from, link)
        if (target === undefined) continue
        assert.isTrue(existsSync(join(root, target.path)), `${link} leads nowhere`)
        if (target.anchor === "") continue
        assert.include([...documents.get(target.path)?.anchors ?? []], target.anchor, link)
      }
    })
  }
})
