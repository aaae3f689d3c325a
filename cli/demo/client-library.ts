/** What speaks to a server is the user's to install: the package depends on none of them. */
export interface NeedsClient {
  /** The product, such as `Kafka`. */
  readonly name: string
  /** The package of the client library. */
  readonly client: string
  /** Loads it. */
  load(): Promise<unknown>
}

/** Throws an error that says what to install, all at once, unless every client library is there. */
export async function needClients(products: readonly NeedsClient[]): Promise<void> {
  const missing: NeedsClient[] = []
  for (const product of products) {
    try {
      await product.load()
    } catch (error) {
      if (!isNotInstalled(error)) throw error
      missing.push(product)
    }
  }
  if (missing.length === 0) return
  const named = missing.map(({ name, client }) => `${client} for ${name}`).join(' and ')
  throw new Error(`the demo needs ${named}: npm install ${missing.map(({ client }) => client).join(' ')}`)
}

function isNotInstalled(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown }
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
}
