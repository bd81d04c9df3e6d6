// bench/opener.ts — a process that imports one driver, opens one store, says when, and then what it found: node
// opener.mjs <driver> <path> <options> <keys>. With the driver `node` it says when it got this far: plain Node.
import { expectAll, versionZero } from './check.ts'
import { loadDriver } from './drivers.ts'
import type { OpenOptions } from './shape.ts'

export interface Opened {
  readonly atNs: string
  readonly error?: string
}

const [name = '', path = '', json = '{}', keyCount = '0'] = process.argv.slice(2)

async function openAndCheck(): Promise<Opened> {
  if (name === 'node') return { atNs: String(process.hrtime.bigint()) }
  const driver = await loadDriver(name)
  const options = JSON.parse(json) as OpenOptions
  const store = await driver.open(path, options)
  const atNs = String(process.hrtime.bigint())
  try {
    await expectAll(store, Number(keyCount), versionZero(options.encoding))
    await store.close()
    return { atNs }
  } catch (error) {
    return { atNs, error: String(error) }
  }
}

process.stdout.write(JSON.stringify(await openAndCheck()))
