import type { NeedsClient } from '../client-library.js'
import type { Payment, Sending } from '../payments.js'
import type { Transport } from '../../../src/index.js'

/** A broker that the demo can be played on. */
export interface BrokerProduct extends NeedsClient {
  /** What is wrong with an address; undefined if nothing is. */
  faultOf(at: string): string | undefined
  /** Connects the demo itself. `run` names all that is made. */
  open(at: string, run: string): Promise<DemoBroker>
  /** How a worker consumes. */
  transport(at: string, run: string, worker: string): Promise<Transport<Payment>>
}

/** What the demo does with its broker. */
export interface DemoBroker {
  /** Makes the topic or queue. */
  make(): Promise<void>
  /** Resolves once the broker has confirmed them. */
  publish(sendings: readonly Sending[]): Promise<void>
  /** How many messages there are that nobody has in his hands, copies that wait included. Brokers differ in whether they count what is in somebody's hands. */
  left(): Promise<number>
  /** The payments that were set aside. */
  deadLetters(): Promise<readonly string[]>
  /** Removes all that was made, by the workers, too, which have ended. */
  remove(): Promise<void>
  close(): Promise<void>
}
