import { bounding } from './properties/bounding.js'
import { claiming } from './properties/claiming.js'
import { counting } from './properties/counting.js'
import { doubling } from './properties/doubling.js'
import { effects } from './properties/effects.js'
import { ending } from './properties/ending.js'
import { losing } from './properties/losing.js'
import { ordering } from './properties/ordering.js'
import { returning } from './properties/returning.js'
import { settingAside } from './properties/setting-aside.js'
import { telling } from './properties/telling.js'
import type { Property } from './properties/property.js'

export type { Property } from './properties/property.js'

/** All that holds in every history, each with a name and a sentence. */
export const properties: readonly Property[] = [
  ...losing,
  ...doubling,
  ...claiming,
  ...effects,
  ...counting,
  ...bounding,
  ...settingAside,
  ...returning,
  ...ordering,
  ...ending,
  ...telling,
]
