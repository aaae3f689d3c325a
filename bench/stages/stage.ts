import type { Settings } from '../contract.js'

/** Where the contenders of a scenario meet: what they need is put there before each run, and what they leave is removed. */
export interface Stage {
  /** Versions and durability of the servers, as they say themselves. */
  readonly servers: Readonly<Record<string, string>>
  /** What a run of this name needs: addresses, and what it finds there. @param settings all others */
  prepare(run: string, settings: Settings): Promise<Settings>
  /** Removes what that run has left. */
  tidy(run: string): Promise<void>
  close(): Promise<void>
}

export type OpenStage = () => Promise<Stage>

/** For what needs nothing. */
export const noStage: OpenStage = async () => ({
  servers: {},
  prepare: async () => ({}),
  tidy: async () => undefined,
  close: async () => undefined,
})

/** Several at once. */
export function together(...open: readonly OpenStage[]): OpenStage {
  return async () => {
    const stages: Stage[] = []
    const close = async (): Promise<void> => void (await Promise.allSettled(stages.map((stage) => stage.close())))
    try {
      for (const each of open) stages.push(await each())
    } catch (error) {
      await close()
      throw error
    }
    return {
      servers: Object.assign({}, ...stages.map(({ servers }) => servers)) as Stage['servers'],
      async prepare(run, settings) {
        let given: Settings = {}
        for (const stage of stages) given = { ...given, ...(await stage.prepare(run, { ...settings, ...given })) }
        return given
      },
      tidy: async (run) => void (await Promise.all(stages.map((stage) => stage.tidy(run)))),
      close,
    }
  }
}
