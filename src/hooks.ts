import type { Outcome, Trouble } from './outcome.js'

/** The user's hooks, made harmless: what they throw, or reject with, changes nothing. */
export interface Hooks {
  outcome(outcome: Outcome): void
  trouble(trouble: Trouble): void
}

export interface HookOptions {
  readonly onOutcome?: ((outcome: Outcome) => void) | undefined
  readonly onTrouble?: ((trouble: Trouble) => void) | undefined
}

export function openHooks({ onOutcome, onTrouble }: HookOptions): Hooks {
  return { outcome: harmless(onOutcome), trouble: harmless(onTrouble) }
}

function harmless<Told>(hook: ((told: Told) => unknown) | undefined): (told: Told) => void {
  if (!hook) return () => undefined
  return (told) => {
    try {
      const answer = hook(told)
      // An async hook fits the type, too, and its rejection would end the process.
      if (answer instanceof Promise) answer.catch(() => undefined)
    } catch {
      // What an onlooker throws is not the message's fault.
    }
  }
}
