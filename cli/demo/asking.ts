/** A server, as the demo speaks of it. */
export interface Named {
  /** The product, such as `Kafka`. */
  readonly name: string
  /** Where it is; a password in it is not shown. */
  readonly at: string
}

const patienceMs = 15_000
const silent = /ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|time(d )?out|no answer within|closed/i

/** Asks a server for something. Whatever goes wrong is thrown as one line that names it. */
export async function ask<Value>(server: Named, question: () => Promise<Value>, forMs: number = patienceMs): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${forMs / 1_000} s`)), forMs)
  })
  try {
    return await Promise.race([question(), tooLate])
  } catch (error) {
    const reason = reasonOf(error)
    const what = silent.test(reason) ? 'does not answer' : 'cannot be used'
    throw new Error(`${server.name} at ${hostOf(server.at)} ${what}: ${reason}`, { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

/** Clients tell what was wrong in the message, the code, or one error further down. */
function reasonOf(error: unknown): string {
  const { message, code, errors, cause } = error as Partial<Record<'message' | 'code' | 'errors' | 'cause', unknown>>
  const [first] = Array.isArray(errors) ? (errors as unknown[]) : []
  if (typeof message === 'string' && message.trim() !== '') return message.replaceAll(/\s+/g, ' ').trim()
  if (first !== undefined) return reasonOf(first)
  if (cause !== undefined) return reasonOf(cause)
  return typeof code === 'string' ? code : String(error)
}

function hostOf(at: string): string {
  return at.includes('://') ? new URL(at).host : at
}
