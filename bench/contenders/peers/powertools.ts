/**
 * Powertools for AWS Lambda, as its docs say: `makeIdempotent` with its cache layer on `@redis/client`, the key by JMESPath, and a Lambda context
 * that tells the time that is left, without which a record in progress never ends. The client's timer for each command is off, as for node-redis.
 */
import { loadPeer } from './load.js'
import { openNodeRedis } from '../redis/clients.js'
import type { NodeRedis } from '../redis/clients.js'
import type { Calls, Setup } from '../../contract.js'

interface Powertools {
  makeIdempotent(
    handler: (event: { readonly id: string }, context: object) => Promise<unknown>,
    options: { readonly persistenceStore: object; readonly config: object; readonly keyPrefix: string },
  ): (event: { readonly id: string }, context: object) => Promise<unknown>
  readonly IdempotencyConfig: new (options: object) => object
}

interface Cache {
  readonly CachePersistenceLayer: new (options: { readonly client: NodeRedis }) => object
}

export const setup: Setup<Calls> = async (given) => {
  const { makeIdempotent, IdempotencyConfig } = loadPeer('@aws-lambda-powertools/idempotency') as Powertools
  const { CachePersistenceLayer } = loadPeer('@aws-lambda-powertools/idempotency/cache') as Cache
  const client = await openNodeRedis(given)
  const config = new IdempotencyConfig({ expiresAfterSeconds: 86_400, eventKeyJmesPath: 'id' })
  const handler = makeIdempotent(
    async ({ id }) => {
      await given.handle(id)
      return true
    },
    { persistenceStore: new CachePersistenceLayer({ client }), config, keyPrefix: given.name },
  )
  return {
    call: async (id) => void (await handler({ id }, contextOf(id))),
    close: async () => client.destroy(),
  }
}

function contextOf(awsRequestId: string): object {
  return {
    functionName: 'bench',
    functionVersion: '1',
    invokedFunctionArn: 'arn',
    memoryLimitInMB: '128',
    awsRequestId,
    logGroupName: 'bench',
    logStreamName: 'bench',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => 30_000,
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  }
}
