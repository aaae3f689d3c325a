/** Whether `await` would wait for it: a promise, or a thenable, as some libraries hand out that begin only then. */
export function isPromiseLike<Value>(value: Value | PromiseLike<Value>): value is PromiseLike<Value> {
  return typeof value === 'object' && value !== null && typeof (value as Partial<PromiseLike<Value>>).then === 'function'
}
