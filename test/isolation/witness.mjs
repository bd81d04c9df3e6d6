// test/isolation/witness.mjs — a transaction that notes down what it does: which lists it has read, which elements it has appended.
export class Witness {
  #tx
  #next
  #own = new Map()
  #reads = []
  #appends = []

  /** `next` answers an element that nobody else appends. */
  constructor(tx, next) {
    this.#tx = tx
    this.#next = next
  }

  read(key) {
    return this.#see(key, this.#tx.get(key) ?? [])
  }

  /** By one range: absent keys count as read, too. */
  readAll(keys) {
    const found = new Map(this.#tx.range())
    for (const key of keys) this.#see(key, found.get(key) ?? [])
  }

  append(key) {
    const element = this.#next()
    const list = [...this.read(key), element]
    this.#tx.put(key, list)
    this.#appends.push([key, element])
    this.#own.set(key, [...(this.#own.get(key) ?? []), element])
  }

  past(isCommitted) {
    return { isCommitted, reads: this.#reads, appends: this.#appends }
  }

  // An own write is no dependency, but it has to be seen.
  #see(key, list) {
    const own = this.#own.get(key)
    if (own === undefined) this.#reads.push([key, list])
    else if (list.slice(-own.length).join() !== own.join())
      throw new Error(`${key} is ${list}, and ${own} had been appended`)
    return list
  }
}
