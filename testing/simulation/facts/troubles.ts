import { watch } from './watching.js'
import type { Happening } from '../chronicle.js'

/**
 * What keeps a process from its store, or from going on at all. Of single calls: `late` takes effect, or is answered, when nobody waits for it any more;
 * `twice` takes effect again, and nobody ever hears of that; `lost` fails, or is lost on its way.
 */
export type TroubleKind = 'stalled' | 'cut' | 'away' | 'slow' | 'late' | 'twice' | 'lost'

/** What befell each worker, and when. */
export interface Troubles {
  /** Whether anything but these kinds befell the worker between these times. */
  troubled(worker: string, fromMs: number, toMs: number, but?: readonly TroubleKind[]): boolean
  see(happening: Happening): void
}

interface Trouble {
  readonly kind: TroubleKind
  readonly fromMs: number
  toMs: number
}

const ofCalls: Readonly<Record<Extract<Happening, { what: 'call-fault' }>['how'], TroubleKind>> = {
  'late-request': 'late',
  'late-answer': 'late',
  'lost-request': 'lost',
  'lost-answer': 'lost',
  fails: 'lost',
  twice: 'twice',
}

const callKinds: ReadonlySet<TroubleKind> = new Set(Object.values(ofCalls))

export function openTroubles(): Troubles {
  /** Of each place, and of the process that stands there: a way that is cut is so for whoever comes next. */
  const places = new Map<number, Trouble[]>()
  const processes = new Map<string, { readonly slot: number; readonly troubles: Trouble[] }>()
  const everybodys: Trouble[] = []

  const begin = (kind: TroubleKind, fromMs: number, forMs: number, among: Trouble[] | undefined): void => {
    among?.push({ kind, fromMs, toMs: fromMs + forMs })
  }
  const all = (): Trouble[] => [...everybodys, ...places.values(), ...[...processes.values()].map(({ troubles }) => troubles)].flat()

  const watching = {
    began({ worker, slot }: Extract<Happening, { what: 'began' }>) {
      if (!places.has(slot)) places.set(slot, [])
      processes.set(worker, { slot, troubles: [] })
    },
    stalled: ({ worker, atMs, forMs }: Extract<Happening, { what: 'stalled' }>) =>
      begin('stalled', atMs, forMs, processes.get(worker)?.troubles),
    'call-fault': ({ worker, atMs, byMs, how }: Extract<Happening, { what: 'call-fault' }>) =>
      begin(ofCalls[how], atMs, byMs, processes.get(worker)?.troubles),
    cut({ worker, atMs, forMs, from }: Extract<Happening, { what: 'cut' }>) {
      if (from === 'store') begin('cut', atMs, forMs, places.get(processes.get(worker)?.slot ?? -1))
    },
    'commits-fail': ({ worker, atMs, forMs }: Extract<Happening, { what: 'commits-fail' }>) =>
      begin('cut', atMs, forMs, places.get(processes.get(worker)?.slot ?? -1)),
    'store-away': ({ atMs, forMs }: Extract<Happening, { what: 'store-away' }>) => begin('away', atMs, forMs, everybodys),
    'store-slow': ({ atMs, forMs }: Extract<Happening, { what: 'store-slow' }>) => begin('slow', atMs, forMs, everybodys),
    /** All that lasts is mended then; a call that is on its way is not. */
    calm({ atMs }: Extract<Happening, { what: 'calm' }>) {
      for (const trouble of all()) if (!callKinds.has(trouble.kind)) trouble.toMs = Math.min(trouble.toMs, atMs)
    },
  }

  return {
    troubled(worker, fromMs, toMs, but = []) {
      const process = processes.get(worker)
      const overlaps = (trouble: Trouble): boolean => !but.includes(trouble.kind) && trouble.fromMs <= toMs && trouble.toMs >= fromMs
      return (
        everybodys.some(overlaps) ||
        (process !== undefined && (process.troubles.some(overlaps) || (places.get(process.slot)?.some(overlaps) ?? false)))
      )
    },
    see: (happening) => watch(watching, happening),
  }
}
