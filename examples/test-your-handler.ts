// A handler as you would write it to test it: what it works with is handed in. Its test is test/examples/test-your-handler.test.ts.
import { idempotent } from 'hapax'
import type { Idempotent, Runtime, Store } from 'hapax'

export interface SignUp {
  readonly userId: string
  readonly address: string
}

// #region handler
export interface Welcoming {
  readonly store: Store
  readonly send: (address: string, text: string) => Promise<void>
  /** Time, for tests. */
  readonly runtime?: Runtime | undefined
}

export function welcome({ store, send, runtime }: Welcoming): Idempotent<SignUp, void> {
  return idempotent(({ address }: SignUp) => send(address, 'Welcome!'), {
    store,
    scope: 'mail.welcome',
    key: ({ userId }) => userId,
    maxAttempts: 3,
    runtime,
  })
}
// #endregion
