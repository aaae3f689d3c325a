import type { Happening } from '../chronicle.js'

/** What is done for each kind of happening that matters to somebody. */
export type Watching = { readonly [What in Happening['what']]?: (happening: Extract<Happening, { what: What }>) => void }

/** Calls what is done for this kind, if anything is. */
export function watch(watching: Watching, happening: Happening): void {
  // The compiler cannot see that a happening and what is done for its kind belong together.
  const done = watching[happening.what] as ((happening: Happening) => void) | undefined
  done?.(happening)
}
