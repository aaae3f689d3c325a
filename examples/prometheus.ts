// Outcomes, troubles and the state of a consumption as Prometheus metrics.
import { Counter, Gauge, Histogram } from 'prom-client'
import type { Consumption, HandlerOptions } from 'hapax'
import type { Registry } from 'prom-client'

// #region hooks
/** Spread it into the options of a handler: `idempotent(chargeCard, { store, scope, key, ...metrics(registry) })`. Once per registry. */
export function metrics(registry: Registry): Required<Pick<HandlerOptions<never>, 'onOutcome' | 'onTrouble'>> {
  const registers = [registry]
  const outcomes = new Counter({ name: 'hapax_outcomes_total', help: 'Deliveries by outcome', labelNames: ['scope', 'outcome'], registers })
  const troubles = new Counter({ name: 'hapax_troubles_total', help: 'Troubles by kind', labelNames: ['scope', 'kind'], registers })
  const took = new Histogram({
    name: 'hapax_delivery_seconds',
    help: 'From the arrival of a delivery to its settlement',
    labelNames: ['scope', 'outcome'],
    buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120],
    registers,
  })
  return {
    // No label for the key: every order would be a time series of its own.
    onOutcome({ scope, status: outcome, tookMs }) {
      outcomes.inc({ scope, outcome })
      took.observe({ scope, outcome }, tookMs / 1_000)
    },
    onTrouble: ({ scope = '', kind }) => troubles.inc({ scope, kind }),
  }
}

/** 1 while messages are handled, 0 while the store or the broker is away, and when it stops. */
export function watchConsumption(consumption: Consumption, registry: Registry): void {
  new Gauge({
    name: 'hapax_consuming',
    help: 'Whether messages are handled',
    registers: [registry],
    collect() {
      this.set(consumption.status === 'running' ? 1 : 0)
    },
  })
}
// #endregion
