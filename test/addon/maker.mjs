// Makes bitmaps, indexes of places and of texts, one after the other in one turn and keeps none; tells the most memory it took.
import { Bitmap, GeoIndex, TextIndex } from '../../dist/index.js'

const [what, count] = [process.argv[2], Number(process.argv[3])]

const members = Uint32Array.from({ length: 1_000_000 }, (_, n) => n * 2 + (n % 7 === 0 ? 1 : 0))
const a = new Bitmap(members)
const b = new Bitmap(members.map((member) => member + 1))
const places = new GeoIndex()
for (let n = 0; n < 20_000; n++) places.add(n, { lat: (n % 170) - 85, lng: (n % 350) - 175 })
const texts = new TextIndex()
for (let n = 0; n < 5000; n++) texts.add(n, `word${n} and word${n % 100} of many more words to come, ${n * 7}`)
const image = (what === 'geo' ? places : texts).serialise()

const make = {
  bitmap: () => Bitmap.or(a, b).size,
  geo: () => GeoIndex.deserialise(image).size,
  text: () => TextIndex.deserialise(image).size,
}[what]

const before = process.memoryUsage().rss
let made = 0
let most = 0
for (let n = 0; n < count; n++) {
  made += make()
  if (n % 50 === 0) most = Math.max(most, process.memoryUsage().rss)
}
const bytes = what === 'bitmap' ? Bitmap.or(a, b).serialise().length : image.length
process.send({ grown: most - before, made, bytes })
