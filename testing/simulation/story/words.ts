/** A moment of a history, as the story shows it. */
export function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3)
}

/** A duration, as short as it can be said. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  return ms < 120_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`
}

/** `1 lapse`, `2 lapses`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}

/** `once`, `twice`, `3 times`. */
export function times(number: number): string {
  return ['never', 'once', 'twice'][number] ?? `${number} times`
}

/** `2nd`. */
export function nth(number: number): string {
  const ending = number % 100 > 10 && number % 100 < 14 ? undefined : ['th', 'st', 'nd', 'rd'][number % 10]
  return `${number}${ending ?? 'th'}`
}

/** Longer keys are shown without their middle. */
export const longestKey = 40

/** A key as it can be told from others at sight: what does not show is quoted, and long ones lose their middle. */
export function keyName(key: string): string {
  const short = key.length > longestKey ? `${key.slice(0, 16)}…${key.slice(-16)}` : key
  return /^[\p{L}\p{N}_.:…-]+$/u.test(short) ? short : JSON.stringify(short)
}

/** What there is to add, in brackets; nothing where there is nothing. */
export function aside(...parts: readonly (string | false | undefined)[]): string {
  const said = parts.filter((part) => part)
  return said.length > 0 ? ` (${said.join(', ')})` : ''
}
