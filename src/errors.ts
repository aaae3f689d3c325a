/** What an error of Hapax is about. Recognise errors by this code, never by `instanceof`: two copies of the package may be loaded. */
export type ErrorCode =
  | 'configuration'
  | 'key'
  | 'store-away'
  | 'dead-letter'
  | 'transaction-conflict'
  | 'commit-unknown'
  | 'lease-lost'
  | 'run-too-long'
  | 'stopping'
  | 'store-full'
  | 'publish-refused'

/** The base of every error that Hapax makes. */
export class HapaxError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** Options, a server or a schema that could only lose messages or handle them twice. Thrown at construction or by `consume`. */
export class ConfigurationError extends HapaxError {
  /** The option at fault, such as `leaseMs`; what is wrong with a server is named by the option that led to it. */
  readonly option: string
  constructor(option: string, message: string, options?: ErrorOptions) {
    super('configuration', message, options)
    this.option = option
  }
}

/** The key function threw, or gave something that cannot tell messages apart. */
export class KeyError extends HapaxError {
  constructor(message: string, options?: ErrorOptions) {
    super('key', message, options)
  }
}

/** Nothing could be claimed, because the store did not answer in time or answered with a fault (its `cause`). */
export class StoreAwayError extends HapaxError {
  constructor(message: string, options?: ErrorOptions) {
    super('store-away', message, options)
  }
}

/** A bounded store has no room left and may forget nothing. A fault: deliveries are held until there is room. */
export class StoreFullError extends HapaxError {
  constructor(message: string, options?: ErrorOptions) {
    super('store-full', message, options)
  }
}

/** Throw this in a handler to set the message aside at once, whatever attempts are left. Any error with `code: 'dead-letter'` does. */
export class DeadLetterError extends HapaxError {
  constructor(reason: string, options?: ErrorOptions) {
    super('dead-letter', reason, options)
  }
}

/** The database gave up the transaction for the sake of another one (serialization failure, deadlock). It is run again and counts as no attempt. */
export class TransactionConflictError extends HapaxError {
  constructor(message: string, options?: ErrorOptions) {
    super('transaction-conflict', message, options)
  }
}

/** The answer to the commit was lost: it may have committed or not. It is run again, and finds out. */
export class CommitUnknownError extends HapaxError {
  constructor(message: string, options?: ErrorOptions) {
    super('commit-unknown', message, options)
  }
}

/** One of the messages will never be taken as it is (too large, a destination that does not exist); what cannot be reached is no such thing. */
export class PublishRefusedError extends HapaxError {
  constructor(message: string, options?: ErrorOptions) {
    super('publish-refused', message, options)
  }
}

/** The reason of a handler's `signal` when its claim is no longer surely its own. */
export class LeaseLostError extends HapaxError {
  constructor(message: string, options?: ErrorOptions) {
    super('lease-lost', message, options)
  }
}

/** The reason of a handler's `signal` when the run has taken longer than `maxRunMs`. */
export class RunTooLongError extends HapaxError {
  constructor(message: string, options?: ErrorOptions) {
    super('run-too-long', message, options)
  }
}

/** The reason of a handler's `signal` when consuming stops and the grace time is over. */
export class StoppingError extends HapaxError {
  constructor(message: string, options?: ErrorOptions) {
    super('stopping', message, options)
  }
}

/** Whether `error` carries this code, whichever copy of the package made it. */
export function hasCode(error: unknown, code: ErrorCode): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code
}

/** A text for people, whatever was thrown. */
export function messageOf(error: unknown): string {
  try {
    // Whoever throws may have put anything there.
    const message: unknown = error instanceof Error ? error.message : error
    return typeof message === 'string' ? message : String(message)
  } catch {
    return 'something that has no text was thrown'
  }
}
