// bench/plot.ts — plots of results: an SVG per family of rows, ours and the rivals as lines over what the rows differ in.
//
// Rates stand on a logarithmic scale, so that a multiple is the same distance everywhere; a stroke at a point goes from
// the least to the most. A plot brings its own colors for light and for dark, and asks for no font, script or file.
import { OURS } from './drivers.ts'
import { isSummary, type RowResult, type Summary } from './runner.ts'

/** What a row says of itself to be drawn: rows of one family are one plot, in the order of the set. */
export interface PlotPlace {
  readonly family: string
  readonly title: string
  /** What the rows differ in, and where this one stands. */
  readonly axis: string
  readonly at: string
}

export interface Plot {
  readonly family: string
  readonly svg: string
}

interface Line {
  readonly name: string
  /** By the place on the axis; undefined where there is no figure. */
  readonly points: readonly (Summary | undefined)[]
}

const WIDTH = 640
const HEIGHT = 396
const LEFT = 64
const RIGHT = 150
const TOP = 64
const BOTTOM = 56
const INNER_WIDTH = WIDTH - LEFT - RIGHT
const INNER_HEIGHT = HEIGHT - TOP - BOTTOM
const LABEL_HEIGHT = 16
const UNITS = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const
const DECADES_PARTED = 2

// By classes alone: not everything that draws an SVG knows variables of CSS.
const LIGHT = ['#c2410c', '#1d4ed8', '#15803d', '#7e22ce', '#0e7490', '#6b7280']
const DARK = ['#fb923c', '#79a8ff', '#4ade80', '#d8b4fe', '#67e8f9', '#9ca3af']
const OUR_CLASS = 'c0'

const colorRules = (colors: readonly string[]) =>
  colors.map((color, i) => `  .c${i} { fill: ${color}; stroke: ${color}; }`).join('\n')

const STYLE = `
  .back { fill: #ffffff; }
  text { fill: #1f2328; font: 12px system-ui, sans-serif; }
  .grid { stroke: #d1d9e0; }
${colorRules(LIGHT)}
  @media (prefers-color-scheme: dark) {
  .back { fill: #0d1117; }
  text { fill: #e6edf3; }
  .grid { stroke: #30363d; }
${colorRules(DARK)}
  }
  .title { font-size: 15px; font-weight: 600; }
  .line { fill: none; stroke-width: 2; }
  .name { font-weight: 600; stroke: none; }
`

const escaped = (text: string) =>
  text.replace(/[&<>"]/g, (sign) => `&#${String(sign.charCodeAt(0))};`)

function rateText(rate: number): string {
  const unit = UNITS.find(([size]) => rate >= size)
  const shown = unit === undefined ? rate : rate / unit[0]
  return `${Number(shown.toPrecision(2)).toString()}${unit === undefined ? '' : ` ${unit[1]}`}`
}

const classOf = (rival: number) => (rival < 0 ? OUR_CLASS : `c${1 + (rival % (LIGHT.length - 1))}`)

// Where a level may be drawn: whole powers of ten, and between few of those what is twice and five times as much.
function levelsAround(least: number, most: number): readonly number[] {
  const low = Math.floor(Math.log10(least))
  const high = Math.ceil(Math.log10(most))
  const parts = high - low > DECADES_PARTED ? [1] : [1, 2, 5]
  const powers = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i))
  const all = powers.flatMap((power) => parts.map((part) => part * power))
  const first = all.findLastIndex((level) => level <= least)
  const last = all.findIndex((level) => level >= most)
  return all.slice(Math.max(0, first), Math.max(last, first + 1) + 1)
}

/** Rates to heights: levels around all that is drawn. */
class Scale {
  readonly levels: readonly number[]

  constructor(lines: readonly Line[]) {
    const all = lines.flatMap(({ points }) => points.flatMap((one) => (one ? [one] : [])))
    this.levels = levelsAround(
      Math.min(...all.map(({ min }) => min)),
      Math.max(...all.map(({ max }) => max)),
    )
  }
  y(rate: number): number {
    const [low = 1, high = 10] = [this.levels[0], this.levels.at(-1)]
    return TOP + INNER_HEIGHT * (1 - Math.log(rate / low) / Math.log(high / low))
  }
}

const xOf = (place: number, count: number) => LEFT + (INNER_WIDTH * (place + 0.5)) / count

function text(x: number, y: number, words: string, attributes = ''): string {
  const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}"`
  return `<text ${`${place} ${attributes}`.trimEnd()}>${escaped(words)}</text>`
}

function frameOf(scale: Scale, { title, axis }: PlotPlace, places: readonly string[]): string[] {
  const right = LEFT + INNER_WIDTH
  const bottom = TOP + INNER_HEIGHT
  const levels = scale.levels.flatMap((rate) => {
    const y = scale.y(rate)
    const ends = `x1="${LEFT}" x2="${right}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}"`
    return [
      `<line class="grid" ${ends}/>`,
      text(LEFT - 8, y + 4, rateText(rate), 'text-anchor="end"'),
    ]
  })
  const names = places.map((at, place) =>
    text(xOf(place, places.length), bottom + 20, at, 'text-anchor="middle"'),
  )
  return [
    `<rect width="${WIDTH}" height="${HEIGHT}" class="back"/>`,
    text(LEFT, 26, title, 'class="title"'),
    ...levels,
    ...names,
    text(LEFT + INNER_WIDTH / 2, HEIGHT - 12, axis, 'text-anchor="middle"'),
    text(8, TOP - 10, 'operations a CPU second'),
  ]
}

function drawn(scale: Scale, { name, points }: Line, color: string): string[] {
  const shapes: string[] = []
  const path: string[] = []
  points.forEach((point, place) => {
    if (point === undefined) return
    const x = xOf(place, points.length).toFixed(1)
    const y = scale.y(point.median).toFixed(1)
    path.push(`${path.length === 0 ? 'M' : 'L'}${x} ${y}`)
    const [top, bottom] = [scale.y(point.max).toFixed(1), scale.y(point.min).toFixed(1)]
    const ends = `x1="${x}" x2="${x}" y1="${bottom}" y2="${top}"`
    const spread = `${rateText(point.min)} to ${rateText(point.max)}`
    const tip = `<title>${escaped(name)}: ${rateText(point.median)} (${spread})</title>`
    shapes.push(`<line ${ends} class="${color}"/>`)
    shapes.push(`<circle cx="${x}" cy="${y}" r="4" class="${color}">${tip}</circle>`)
  })
  return [`<path class="${color} line" d="${path.join(' ')}"/>`, ...shapes]
}

/** Names beside the ends of their lines, pushed apart where lines end close to one another. */
function labels(scale: Scale, lines: readonly Line[], colors: readonly string[]): string[] {
  const ends = lines
    .map(({ name, points }, i) => {
      const last = points.findLast((point) => point !== undefined)
      return { name, color: colors[i] ?? '', y: scale.y(last?.median ?? 1) }
    })
    .sort((a, b) => a.y - b.y)
  let above = TOP - LABEL_HEIGHT
  return ends.map(({ name, color, y }, i) => {
    const room = HEIGHT - BOTTOM - LABEL_HEIGHT * (ends.length - 1 - i)
    above = Math.min(Math.max(y, above + LABEL_HEIGHT), room)
    return text(LEFT + INNER_WIDTH + 8, above + 4, name, `class="${color} name"`)
  })
}

function svgOf(place: PlotPlace, places: readonly string[], lines: readonly Line[]): string {
  const scale = new Scale(lines)
  const rivals = lines.filter(({ name }) => name !== OURS)
  const colors = lines.map((line) => classOf(rivals.indexOf(line)))
  const body = [
    ...frameOf(scale, place, places),
    ...lines.flatMap((line, i) => drawn(scale, line, colors[i] ?? '')),
    ...labels(scale, lines, colors),
  ]
  const size = `viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}"`
  const head = `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">`
  const title = `<title>${escaped(`${place.title}, by ${place.axis}`)}</title>`
  return [head, title, `<style>${STYLE}</style>`, ...body, '</svg>', ''].join('\n')
}

function linesOf(rows: readonly RowResult[]): readonly Line[] {
  const names = new Set(rows.flatMap(({ cells }) => Object.keys(cells)))
  // Ours last, so that it lies above the others.
  const order = [...names].sort((a, b) => Number(a === OURS) - Number(b === OURS))
  const lines = order.map((name) => ({
    name,
    points: rows.map(({ cells }) => {
      const cell = cells[name]
      return isSummary(cell) && cell.min > 0 ? cell : undefined
    }),
  }))
  return lines.filter(({ points }) => points.some((point) => point !== undefined))
}

/** A plot of each family of which two rows or more have figures. */
export function plotsOf(results: readonly RowResult[]): readonly Plot[] {
  const families = new Map<string, RowResult[]>()
  for (const result of results) {
    const { plot } = result.row
    if (plot === undefined || result.skipped !== undefined) continue
    families.set(plot.family, [...(families.get(plot.family) ?? []), result])
  }
  return [...families].flatMap(([family, rows]) => {
    const place = rows[0]?.row.plot
    const lines = linesOf(rows)
    if (place === undefined || rows.length < 2 || lines.length === 0) return []
    return [
      {
        family,
        svg: svgOf(
          place,
          rows.map(({ row }) => row.plot?.at ?? ''),
          lines,
        ),
      },
    ]
  })
}
