/** Numbers and texts as a person reads them, the same in the terminal and on the page. */

/** Such as `18,000`. */
export function counted(count: number): string {
  return count.toLocaleString('en')
}

/** Such as `340 ms`, `12.3 s`, `5 min 02 s` or `3 h 07 min`. */
export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return 'never'
  if (ms < 9.95) return `${Number(ms.toFixed(1))} ms`
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 119_950) return `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  const minutes = Math.round(seconds / 60)
  return seconds < 7_200 ? parts(seconds, 'min', 's') : parts(minutes, 'h', 'min')
}

/** Such as `04:07`, or `1:04:07` from one hour on. */
export function timeOfRun(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  return hours > 0 ? `${hours}:${twoDigits(minutes % 60)}:${twoDigits(seconds % 60)}` : `${twoDigits(minutes)}:${twoDigits(seconds % 60)}`
}

/** Such as `48.2 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toLocaleString('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })} MB`
}

/** Such as `1 fault` or `20 faults`. */
export function several(count: number, what: string): string {
  return `${counted(count)} ${what}${count === 1 ? '' : 's'}`
}

/** A text from a run, in one line: keys may hold anything, an escape sequence of the terminal included. */
export function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

function parts(number: number, whole: string, sixtieth: string): string {
  const rest = number % 60
  return `${Math.floor(number / 60)} ${whole}${rest > 0 ? ` ${twoDigits(rest)} ${sixtieth}` : ''}`
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0')
}
