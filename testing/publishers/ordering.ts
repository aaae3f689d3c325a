import { assertInTurns, inTurns, readTexts, send } from './stage.js'
import type { PublisherCases } from './stage.js'

const keysOf = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `k${index}`)

/** The order that messages of one key arrive in, where the broker keeps one. */
export const ordering: PublisherCases = {
  async 'messages of one key arrive in the order of a long list'(bench) {
    const keys = keysOf(20)
    await send(bench, inTurns(keys, 100))
    assertInTurns(await readTexts(bench), keys, 100)
  },

  async 'a long list of one key alone arrives in its order'(bench) {
    await send(bench, inTurns(['only'], 1_500))
    assertInTurns(await readTexts(bench), ['only'], 1_500)
  },

  async 'lists that are published side by side keep their order, each its own'(bench) {
    const lists = keysOf(8)
    // All under one key: what tells them apart is in the body.
    await Promise.all(
      lists.map((list) =>
        send(
          bench,
          inTurns([list], 150).map((message) => ({ ...message, orderingKey: 'shared' })),
        ),
      ),
    )
    assertInTurns(await readTexts(bench), lists, 150)
  },

  async 'what is published after a publish has resolved arrives after it'(bench) {
    const messages = inTurns(['one', 'two'], 20)
    for (const message of messages) await send(bench, [message])
    assertInTurns(await readTexts(bench), ['one', 'two'], 20)
  },
}
