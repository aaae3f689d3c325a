/** Whether claims may read first: what is planned while the table is large finds its row by the key. */
export interface TableSize {
  /** Which generation of claims that read first is to be used now, or undefined for none. */
  readonly generation: () => number | undefined
  /** Says what a claim of that generation, or of none, has met. */
  readonly learn: (generation: number | undefined, size: string | undefined) => void
}

/** So often, the table may become small and large again. From then on, no claim reads first. */
const mostGenerations = 10

/**
 * A claim that reads first and meets a small table may have been planned for that, and would scan the table once it has grown: what was planned up to
 * then is not used again. Each says what it met, so no such plan goes unnoticed.
 */
export function openTableSize(): TableSize {
  let current = 0
  let large = false
  return {
    generation: () => (large && current < mostGenerations ? current : undefined),
    learn(generation, size) {
      if (size === 'small' && generation === current) current += 1
      large = size === 'large'
    },
  }
}
