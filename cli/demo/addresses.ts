/** What is wrong with an address that is to be a URL; undefined if nothing is. */
export function faultOfUrl(at: string, protocols: readonly string[], good: string): string | undefined {
  const url = URL.canParse(at) ? new URL(at) : undefined
  return url && protocols.includes(url.protocol) && url.hostname !== '' ? undefined : `must be a URL such as ${good}`
}
