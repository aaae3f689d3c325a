import { expect, test } from 'vitest'
import { refuseUnsendable } from '../../../src/index.js'

const good = { destination: 'orders', body: 'm' }

test('messages that somebody could send pass', () => {
  refuseUnsendable([])
  refuseUnsendable([good, { ...good, body: new Uint8Array(0), headers: {}, orderingKey: '', id: '' }, { ...good, headers: { trace: '' } }])
})

test('what no broker could take is refused by name, with the code of a refusal', () => {
  for (const [wrong, words] of [
    [{ destination: '' }, 'destination must be a text of 1 to'],
    [{ destination: undefined }, 'destination must be a text of 1 to'],
    [{ body: null }, 'body must be a text or bytes, and is null'],
    [{ body: { id: 17 } }, 'body must be a text or bytes, and is an object; try JSON.stringify(order)'],
    [{ headers: { region: 5 } }, 'headers.region must be a text, and is 5'],
    [{ orderingKey: 17 }, 'orderingKey must be a text, and is 17'],
    [{ id: 17 }, 'id must be a text, and is 17'],
  ] as const) {
    const refusal = expect.objectContaining({ code: 'publish-refused', message: expect.stringContaining(words) as string }) as Error
    expect(() => refuseUnsendable([good, { ...good, ...wrong } as never])).toThrow(refusal)
  }
})
