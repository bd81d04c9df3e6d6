// test/addon/faulty.mjs — a process that meets a fault and prints what it was told, as JSON:
//   open PATH OPTIONS   opens a store without the rights of an administrator
//   fill PATH           writes until there is no room
import { open } from '../../dist/index.js'

const [, , what, path, options] = process.argv
const answer = (error, more = {}) =>
  console.log(JSON.stringify({ code: error?.code ?? 'none', message: error?.message ?? '', ...more }))

if (what === 'open') {
  if (process.getuid() === 0) process.seteuid(65_534)
  try {
    const db = await open(path, JSON.parse(options))
    answer(undefined, { count: db.count() })
    await db.close()
  } catch (error) {
    answer(error)
  }
} else {
  const db = await open(path, { memory: '8MB' })
  let kept = 0
  let failure
  while (failure === undefined && kept < 1000) {
    await db.put(kept, 'x'.repeat(50_000)).then(() => kept++, (error) => (failure = error))
  }
  answer(failure, { kept })
  await db.close()
}
