import { createRequire } from 'node:module'
import { join } from 'node:path'

/**
 * A package of `bench/peers`. Where it is not installed nothing is known of its types, so who loads it says which part of it is needed.
 * The process that runs the contender is told where they are.
 */
export function loadPeer(name: string): unknown {
  return createRequire(join(process.env['HAPAX_BENCH_PEERS'] ?? '', 'package.json'))(name)
}
