import { brokerBugs } from './planted/broker.js'
import { claimingBugs } from './planted/core-claiming.js'
import { coalescingBugs } from './planted/coalescing.js'
import { decidingBugs } from './planted/core-deciding.js'
import { inboxBugs } from './planted/core-inbox.js'
import { leaseBugs } from './planted/core-lease.js'
import { ownBugs } from './planted/own.js'
import { settlingBugs } from './planted/core-settling.js'
import { sharingBugs } from './planted/core-sharing.js'
import { storeBugs } from './planted/store.js'
import type { PlantedBug } from './edits.js'

/** Every bug that the simulation has to find. */
export const planted: readonly PlantedBug[] = [
  ...storeBugs,
  ...claimingBugs,
  ...leaseBugs,
  ...decidingBugs,
  ...settlingBugs,
  ...sharingBugs,
  ...inboxBugs,
  ...coalescingBugs,
  ...brokerBugs,
  ...ownBugs,
]
