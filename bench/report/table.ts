/** A table for the terminal; cells may have several lines. */
export interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** The columns from here on are set to the right. @default 1 */
  readonly rightFrom?: number | undefined
}

const gap = '   '

export function setTable({ head, rows, rightFrom = 1 }: Table): readonly string[] {
  const all = [head, ...rows].map((cells) => cells.map((cell) => cell.split('\n')))
  const widths = head.map((_, column) => Math.max(...all.flatMap((cells) => (cells[column] ?? ['']).map((line) => line.length))))
  return all.flatMap((cells) =>
    Array.from({ length: Math.max(...cells.map(({ length }) => length)) }, (_, line) =>
      widths
        .map((width, column) => {
          const text = cells[column]?.[line] ?? ''
          return column >= rightFrom ? text.padStart(width) : text.padEnd(width)
        })
        .join(gap)
        .trimEnd(),
    ),
  )
}
