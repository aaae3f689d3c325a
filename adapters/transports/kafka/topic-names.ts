import { refuse, refuseUnless } from '../../../src/index.js'

export interface TopicNames {
  readonly topic: string
  readonly groupId: string
  /** The group of the consumer that reads the retry topics. */
  readonly delayGroupId: string
  readonly deadLetter: string
  /** The retry topic of every step that is configured. */
  readonly retries: readonly { readonly topic: string; readonly stepMs: number }[]
  /** The retry topic for a delay: of the shortest step that is long enough, or of the longest. */
  retryFor(delayMs: number): string
  /** The step of a retry topic of this group, configured today or not; undefined for any other topic. */
  stepOf(topic: string): number | undefined
}

export interface TopicNameOptions {
  readonly topic: string
  readonly groupId: string
  readonly delayStepsMs: readonly number[]
  readonly retryTopicPrefix?: string | undefined
  readonly deadLetterTopic?: string | undefined
}

const longestName = 249
/** As many digits as a retry topic's name is known by. */
const longestStepMs = 999_999_999_999_999

function refuseUnlessTopic(option: string, name: string, good: string): void {
  refuseUnless.text(option, name, { most: longestName, good })
  if (/^[\w.-]+$/.test(name) && name !== '.' && name !== '..') return
  throw refuse(option, name, "a topic's name: letters, digits, '.', '_' and '-' only", `'${good}'`)
}

/** The names of a group's topics, checked: what Kafka would refuse is refused at construction. */
export function openTopicNames(options: TopicNameOptions): TopicNames {
  const { topic, groupId, delayStepsMs } = options
  refuseUnlessTopic('topic', topic, 'orders')
  refuseUnless.text('groupId', groupId, { good: 'billing' })
  refuseUnless.wholeNumbers('delayStepsMs', delayStepsMs, { least: 1, most: longestStepMs, good: [1_000, 10_000, 60_000, 600_000] })
  if (delayStepsMs.some((stepMs, place) => place > 0 && stepMs <= (delayStepsMs[place - 1] ?? 0))) {
    throw refuse('delayStepsMs', delayStepsMs, 'in ascending order, each step once', '[1000, 10000, 60000, 600000]')
  }
  const { retryTopicPrefix: prefix = `${topic}.${groupId}` } = options
  const goodPrefix = `${topic.slice(0, 100)}.${groupId.replace(/[^\w.-]+/g, '-').slice(0, 100)}`
  if (options.retryTopicPrefix === undefined && !/^[\w.-]+$/.test(groupId)) {
    throw refuse(
      'groupId',
      groupId,
      "made of letters, digits, '.', '_' and '-', as the retry topics are named after it; or name them by the option retryTopicPrefix",
      `retryTopicPrefix: '${goodPrefix}'`,
    )
  }
  refuseUnlessTopic('retryTopicPrefix', prefix, goodPrefix)
  const retries = delayStepsMs.map((stepMs) => ({ topic: `${prefix}.retry.${stepMs}`, stepMs }))
  for (const retry of retries) {
    if (retry.topic.length <= longestName) continue
    throw refuse('retryTopicPrefix', prefix, `so short that ${retry.topic} has at most ${longestName} characters`, `'${goodPrefix}'`)
  }
  const { deadLetterTopic: deadLetter = `${prefix}.dlt` } = options
  refuseUnlessTopic('deadLetterTopic', deadLetter, `${goodPrefix}.dlt`)

  const names: TopicNames = {
    topic,
    groupId,
    delayGroupId: `${groupId}.retry`,
    deadLetter,
    retries,
    retryFor: (delayMs) => (retries.find(({ stepMs }) => stepMs >= delayMs) ?? retries.at(-1))?.topic ?? deadLetter,
    stepOf(name) {
      const digits = name.startsWith(`${prefix}.retry.`) ? name.slice(prefix.length + '.retry.'.length) : ''
      return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined
    },
  }
  if (deadLetter === topic || names.stepOf(deadLetter) !== undefined) {
    throw refuse('deadLetterTopic', deadLetter, 'another topic than those that are consumed', `'${goodPrefix}.dlt'`)
  }
  if (names.stepOf(topic) !== undefined) {
    throw refuse('retryTopicPrefix', prefix, 'such that the topic itself is none of the retry topics', `'${goodPrefix}'`)
  }
  return names
}
