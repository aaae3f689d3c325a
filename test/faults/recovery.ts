import type { Struck } from './nemesis/nemesis.js'
import type { FaultSpan } from './report/result.js'

/** How long it took, from the end of each fault, until there was an effect again, and until everything sent by then had had its own. */
export function spansOf(
  struck: readonly Struck[],
  effectTimes: readonly number[],
  effects: readonly { readonly sentMs: number; readonly effectMs: number }[],
): FaultSpan[] {
  const sorted = [...effects].sort((one, other) => one.sentMs - other.sentMs)
  const latest: number[] = []
  for (const { effectMs } of sorted) latest.push(Math.max(latest.at(-1) ?? 0, effectMs))
  const sentTimes = sorted.map(({ sentMs }) => sentMs)
  return struck.map(({ fault, detail, fromMs, toMs }) => {
    const next = effectTimes[firstAfter(effectTimes, toMs)]
    const sentBefore = firstAfter(sentTimes, toMs)
    return {
      name: fault.name,
      detail,
      fromMs,
      toMs,
      firstEffectMs: next === undefined ? undefined : next - toMs,
      caughtUpMs: Math.max(0, (latest[sentBefore - 1] ?? 0) - toMs),
    }
  })
}

/** The place of the first that is greater, in an ascending list. */
function firstAfter(ascending: readonly number[], than: number): number {
  let [low, high] = [0, ascending.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ascending[middle] ?? 0) > than) high = middle
    else low = middle + 1
  }
  return low
}
