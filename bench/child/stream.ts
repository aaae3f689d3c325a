import { numberOf } from '../contract.js'
import { faultOf, openBook } from './book.js'
import type { Measured, Setup, Stream } from '../contract.js'
import type { Work } from './work.js'

/**
 * How many messages per second, from when the first one is handled until the last one is settled, so that joining a group is left out; and with `warmMessages` from
 * when so many are settled, so that the time in which the code is still being compiled is left out too.
 */
export async function measureStream(setup: Setup<Stream>, { name, settings }: Work): Promise<Measured> {
  const book = openBook(numberOf(settings, 'handlerMs'))
  const messages = numberOf(settings, 'messages')
  const keys = numberOf(settings, 'keys')
  const dedups = settings['dedups'] !== 'no'
  const warmMessages = Number(settings['warmMessages'] ?? '0')
  let [settledCount, settledBefore, beganAt, endedAt] = [0, 0, 0, 0]
  let cpuBefore = process.cpuUsage()
  let end = (): void => undefined
  const ended = new Promise<void>((resolve) => (end = resolve))
  const begin = (): void => {
    beganAt = performance.now()
    settledBefore = settledCount
    cpuBefore = process.cpuUsage()
  }
  const stream = await setup({
    name,
    concurrency: numberOf(settings, 'concurrency'),
    settings,
    handle(key) {
      if (beganAt === 0 && warmMessages === 0) begin()
      return book.handle(key)
    },
    settled(count = 1) {
      if (beganAt === 0 && warmMessages === 0) begin()
      settledCount += count
      if (beganAt === 0 && settledCount >= warmMessages) begin()
      if (settledCount < messages || endedAt > 0) return
      endedAt = performance.now()
      end()
    },
  })
  await stream.start()
  await ended
  const { user, system } = process.cpuUsage(cpuBefore)
  await stream.close()
  const handled = settings['handles'] === 'no' ? undefined : faultOf(book, keys, dedups ? keys : messages)
  const measured = messages - settledBefore
  return {
    measures: { perSecond: (measured / (endedAt - beganAt)) * 1_000, cpuUs: (user + system) / measured },
    wrong: settledCount === messages ? handled : `${settledCount} of ${messages} messages were settled`,
  }
}
