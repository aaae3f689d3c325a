/** A change to one source: `find` stands there exactly once, and becomes `replace`. */
export interface Edit {
  /** From the project's root, such as `src/settle.ts`. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** A bug that is made on purpose, in a copy of the sources, to see whether the simulation finds it. */
export interface PlantedBug {
  readonly name: string
  /** What goes wrong for the user, and who has this bug, or had it, where somebody did. */
  readonly why: string
  readonly edits: readonly Edit[]
  /** The first seed to play, of a rare one: those before have been played often enough without finding it. @default 1 */
  readonly from?: number
  /** It can only be seen where the store forgets as well. */
  readonly forgets?: true
}

/** The source with the bug's edits of this file made. Throws where the code has changed so that an edit does not fit any more. */
export function plant({ name, edits }: PlantedBug, file: string, source: string): string {
  let planted = source
  for (const edit of edits) {
    if (edit.file !== file) continue
    const times = planted.split(edit.find).length - 1
    if (times !== 1) {
      const found = times === 0 ? 'is not there any more' : `is there ${times} times`
      throw new Error(`${name}: the text to be replaced ${found} in ${file}; plant the bug again: ${JSON.stringify(edit.find)}`)
    }
    planted = planted.replace(edit.find, () => edit.replace)
  }
  return planted
}
