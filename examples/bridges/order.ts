/** What the examples consume: a row in `orders`, and so many pieces fewer in `stock`. */
export interface Order {
  readonly id: string
  readonly item: string
  readonly quantity: number
}
