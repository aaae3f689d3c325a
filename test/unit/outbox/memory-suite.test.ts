import { describe, test } from 'vitest'
import { memoryOutbox, memoryStore } from 'hapax/stores/memory'
import { manualClock, outboxSuite } from 'hapax/testing'
import type { EffectsAtCommit } from 'hapax/stores/memory'

describe('the memory outbox', () => {
  const clock = manualClock()
  const suite = outboxSuite<EffectsAtCommit>({
    clock,
    passTime: (ms) => clock.advance(ms),
    wakes: true,
    sideBySide: true,
    open() {
      const outbox = memoryOutbox({ clock })
      const store = memoryStore({ clock })
      return {
        openHandle: () => ({ outbox, transaction: (run) => store.transaction(run), close: () => undefined }),
        close: () => undefined,
      }
    },
  })
  for (const { name, run } of suite) test(name, run)
})
