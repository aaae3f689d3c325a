import { createHash } from 'node:crypto'

const longestRecordBytes = 255
/** `%`, controls and every surrogate: texts without any of them are safe as they are. */
const delicate = /[%\u0000-\u001f\u007f\ud800-\udfff]/
/** A surrogate pair is one code point under the `u` flag and does not match here; half of one does. */
const unsafe = /[%\u0000-\u001f\u007f\ud800-\udfff]/gu

/** Well-formed, without NUL or other controls, and another text for every text. */
function escape(text: string): string {
  if (!delicate.test(text)) return text
  return text.replace(unsafe, (character) => {
    const code = character.charCodeAt(0)
    return code < 0x80 ? `%${code.toString(16).padStart(2, '0')}` : `%u${code.toString(16)}`
  })
}

/**
 * Scope and key as one text that a store can use as it is: another one for every pair, well-formed, without NUL, at most 255 bytes.
 * Readable while it is short (`billing.charge:order-17`); a longer key is replaced by its SHA-256, and so is a very long scope.
 */
export function recordKey(scope: string, key: string): string {
  return recordKeysOf(scope)(key)
}

/** The records of one scope. */
export function recordKeysOf(scope: string): (key: string) => string {
  const safeScope = escape(scope).replaceAll(':', '%3a')
  return (key) => {
    const record = `${safeScope}:${escape(key)}`
    if (record.length * 3 <= longestRecordBytes || Buffer.byteLength(record) <= longestRecordBytes) return record
    // No escape ever yields `%s`, so a hashed record equals no plain one.
    const hash = `%sha256-${createHash('sha256').update(record).digest('hex')}`
    const readable = `${safeScope}:${hash}`
    return Buffer.byteLength(readable) <= longestRecordBytes ? readable : hash
  }
}

/** 32 hexadecimal digits, the same for the same text. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** A key as printable ASCII, for headers and terminals: what else it holds is percent-encoded. Another text for every key. */
export function encodeKey(key: string): string {
  return escape(key).replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character))
}
