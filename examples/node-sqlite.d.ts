// The part of `node:sqlite` that the examples need. The types that this repository is checked with are those of Node 20, which has none.
declare module 'node:sqlite' {
  export class DatabaseSync {
    constructor(path: string)
    readonly isTransaction: boolean
    exec(sql: string): void
    prepare(sql: string): StatementSync
    close(): void
  }
  export interface StatementSync {
    all(...values: (string | number | Uint8Array)[]): unknown[]
    run(...values: (string | number | Uint8Array)[]): unknown
  }
}
