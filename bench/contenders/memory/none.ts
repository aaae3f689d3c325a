/** The handler alone: what the loop costs that calls it. It remembers nothing. */
import type { Calls, Setup } from '../../contract.js'

export const setup: Setup<Calls> = async ({ handle }) => ({ call: handle, close: async () => undefined })
