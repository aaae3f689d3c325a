/** One run, from its servers to its result. */
import { runConsumers } from './run.js'
import { runOutbox } from './run-outbox.js'
import { openStage } from './stage.js'
import type { Options } from './options.js'
import type { Result } from './report/result.js'

export async function conduct(options: Options, print: (text: string, isLive: boolean) => void): Promise<Result> {
  const stage = await openStage(options, print)
  try {
    const { mode } = options
    return mode === 'outbox' ? await runOutbox(options, stage) : await runConsumers({ ...options, mode }, stage)
  } finally {
    await stage.close()
  }
}
