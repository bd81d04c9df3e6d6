// A bar on the last line of a terminal, for whatever takes more than a second; elsewhere it draws nothing.
//
//   compiling ████████░░░░░░░░░░░░  84/210
//
// What is printed meanwhile goes through print(), so that it lands above the bar.
'use strict'

const WIDTH = 24
const DELAY_MS = 300    // What ends sooner needs no bar.
const PAUSE_MS = 100    // Between two drawings.

class Progress {
  #title
  #total
  #stream
  #done = 0
  #drawnAt = performance.now() + DELAY_MS - PAUSE_MS
  #isShown = false

  constructor(title, total, stream = process.stderr) {
    this.#title = title
    this.#total = Math.max(1, total)
    this.#stream = stream
  }

  step() {
    this.to(this.#done + 1)
  }

  to(done) {
    this.#done = Math.min(done, this.#total)
    if (!this.#stream.isTTY || performance.now() - this.#drawnAt < PAUSE_MS) return
    this.#drawnAt = performance.now()
    this.#draw()
  }

  print(line, stream = process.stdout) {
    const wasShown = this.#isShown
    this.#clear()
    stream.write(`${line}\n`)
    if (wasShown) this.#draw()
  }

  end() {
    this.#clear()
  }

  #draw() {
    const full = Math.round(this.#done / this.#total * WIDTH)
    const bar = '█'.repeat(full) + '░'.repeat(WIDTH - full)
    this.#stream.write(`\r\x1b[K${this.#title} ${bar} ${this.#done}/${this.#total}`)
    this.#isShown = true
  }

  #clear() {
    if (this.#isShown) this.#stream.write('\r\x1b[K')
    this.#isShown = false
  }
}

module.exports = { Progress }
