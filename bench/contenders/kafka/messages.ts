/** The messages that are put into topics and queues, and read by all contenders in the same way. */

export interface Message {
  readonly id: string
}

/** About 290 bytes, as orders are. */
const rest = {
  customer: 'c-1029384756',
  currency: 'EUR',
  cents: 129_900,
  lines: Array.from({ length: 4 }, (_, n) => ({ sku: `SKU-${n}-77`, amount: n + 1 })),
}

export function encode(id: string): string {
  return JSON.stringify({ id, ...rest, note: 'leave it at the door of the neighbour, please' })
}

export function decode(text: string): Message {
  return JSON.parse(text) as Message
}

export function idOf(place: string, index: number): string {
  return `order-${place}-${index}`
}

/** The keys of so many messages, of which a share are duplicates of one not long before them; the same each time. */
export function idsOf(place: string, messages: number, duplicatesPercent: number): readonly string[] {
  const ids: string[] = []
  let [fresh, seed] = [0, 1]
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  for (let index = 0; index < messages; index += 1) {
    const isDuplicate = fresh > 0 && next(100) < duplicatesPercent
    ids.push(isDuplicate ? idOf(place, fresh - 1 - next(Math.min(fresh, 1_000))) : idOf(place, fresh++))
  }
  return ids
}
