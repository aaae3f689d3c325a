import { openLink } from './link.js'
import type { Clock } from '../../../src/index.js'
import type { Connect, Link } from './link.js'
import type { Line } from './publishing.js'

/** A link that publishes, on a channel of its own: what is wrong with a message closes the channel, and is not to take deliveries along. */
export async function openLine(
  { connect, clock }: { readonly connect: Connect; readonly clock: Clock },
  prepare: (link: Link) => Promise<void>,
): Promise<Line> {
  const link = await openLink(connect, clock)
  try {
    await prepare(link)
    return { link, channel: link.adopt(await link.ask(link.connection.createConfirmChannel())) }
  } catch (error) {
    await link.close()
    throw error
  }
}
