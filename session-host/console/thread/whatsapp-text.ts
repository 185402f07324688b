import { LinkifyIt } from 'linkify-it'

type Style = 'bold' | 'italic' | 'strike'

/** A piece of a message's text. Everything that isn't shown (markers) is kept too, so that nothing of the input is ever lost. */
export type TextNode =
  | { type: 'text'; text: string }
  | { type: Style; marker: string; children: TextNode[] }
  | { type: 'code' | 'block'; marker: string; text: string }
  | { type: 'link'; text: string; href: string }
  /** Lines after `> `, or list items after `- `, `* ` or `1. `: the prefix is a marker. */
  | { type: 'quote' | 'bullets' | 'numbers'; lines: { prefix: string; children: TextNode[] }[] }
  /** A line break next to a quote, list or code block, which break the line by themselves. */
  | { type: 'gap'; text: '\n' }

/**
 * Takes WhatsApp's formatting apart: `*bold*`, `_italic_`, `~strike~`, `` `code` ``, ```` ```block``` ````, `> quote`, lists, and
 * http(s) links. The result is data, never markup. Runs in linear time, whatever the sender wrote.
 */
export function parseWhatsAppText(text: string): TextNode[] {
  const nodes: TextNode[] = []
  let from = 0
  for (const match of text.matchAll(/```([\s\S]*?)```/g)) {
    const inside = match[1] ?? ''
    if (inside.trim() === '') continue
    parseLines(text.slice(from, match.index), nodes)
    nodes.push({ type: 'block', marker: '```', text: inside })
    from = match.index + match[0].length
  }
  parseLines(text.slice(from), nodes)
  return joinTexts(openGaps(nodes))
}

/** The text as it is read: the input without its markers. */
export function visibleText(nodes: readonly TextNode[]): string {
  return collect(nodes, false)
}

/** The input again, markers and all. */
export function sourceText(nodes: readonly TextNode[]): string {
  return collect(nodes, true)
}

function collect(nodes: readonly TextNode[], markers: boolean): string {
  return nodes
    .map((node): string => {
      switch (node.type) {
        case 'text':
        case 'link':
        case 'gap':
          return node.text
        case 'code':
        case 'block':
          return markers ? node.marker + node.text + node.marker : node.text
        case 'bold':
        case 'italic':
        case 'strike': {
          const inner = collect(node.children, markers)
          return markers ? node.marker + inner + node.marker : inner
        }
        case 'quote':
        case 'bullets':
        case 'numbers':
          return node.lines.map((line) => (markers ? line.prefix : '') + collect(line.children, markers)).join('\n')
        default:
          return node satisfies never
      }
    })
    .join('')
}

const blockPrefix = /^(> ?|[-*] |\d{1,3}[.)] )(?=\S)/

/** Quotes and lists are whole lines; everything else is inline. */
function parseLines(text: string, nodes: TextNode[]): void {
  if (text === '') return
  for (const [index, line] of text.split('\n').entries()) {
    if (index > 0) nodes.push({ type: 'text', text: '\n' })
    const prefix = blockPrefix.exec(line)?.[1]
    if (prefix === undefined || !startsLine(nodes)) {
      nodes.push(...parseInline(line))
      continue
    }
    const type = prefix.startsWith('>') ? 'quote' : /^\d/.test(prefix) ? 'numbers' : 'bullets'
    const item = { prefix, children: parseInline(line.slice(prefix.length)) }
    const before = nodes.at(-2)
    if (index > 0 && before?.type === type) {
      nodes.pop()
      before.lines.push(item)
    } else nodes.push({ type, lines: [item] })
  }
}

function startsLine(nodes: readonly TextNode[]): boolean {
  const last = nodes.at(-1)
  return last === undefined || (last.type === 'text' && last.text === '\n')
}

/** Line breaks beside a block become gaps. */
function openGaps(nodes: TextNode[]): TextNode[] {
  return nodes.map((node, index) =>
    node.type === 'text' && node.text === '\n' && (isBlock(nodes[index - 1]) || isBlock(nodes[index + 1]))
      ? { type: 'gap', text: '\n' }
      : node,
  )
}

function isBlock(node: TextNode | undefined): boolean {
  return node !== undefined && ['quote', 'bullets', 'numbers', 'block'].includes(node.type)
}

function joinTexts(nodes: readonly TextNode[]): TextNode[] {
  const joined: TextNode[] = []
  for (const node of nodes) {
    const last = joined.at(-1)
    if (node.type === 'text' && last?.type === 'text')
      joined[joined.length - 1] = { ...last, text: last.text + node.text }
    else joined.push(node)
  }
  return joined
}

const styles: Record<string, Style> = { '*': 'bold', _: 'italic', '~': 'strike' }
const wordCharacter = /[\p{L}\p{N}]/u

interface Link {
  start: number
  end: number
  href: string
}

/** A line's links in order, and the first one that matters from here on. */
interface Links {
  links: readonly Link[]
  first: number
}

function parseInline(line: string): TextNode[] {
  return joinTexts(parseRange(line, 0, line.length, { links: findLinks(line), first: 0 }, ''))
}

/** `active` holds the markers around this range: a style is not nested in itself, which bounds the depth by three. */
function parseRange(line: string, from: number, to: number, { links, first }: Links, active: string): TextNode[] {
  const nodes: TextNode[] = []
  const hopeless = new Set<string>()
  let plain = from
  let next = first
  const flush = (end: number): void => {
    if (end > plain) nodes.push({ type: 'text', text: line.slice(plain, end) })
  }
  for (let at = from; at < to; at++) {
    const link = links[next]
    if (link?.start === at && link.end <= to) {
      flush(at)
      nodes.push({ type: 'link', text: line.slice(at, link.end), href: link.href })
      plain = link.end
      at = link.end - 1
      next++
      continue
    }
    const marker = line.charAt(at)
    const style = styles[marker]
    if ((!style && marker !== '`') || active.includes(marker) || hopeless.has(marker) || !opens(line, at)) continue
    const close = findClose(line, marker, at + 2, to, { links, first: next })
    if (close === -1) {
      hopeless.add(marker)
      continue
    }
    flush(at)
    if (style)
      nodes.push({
        type: style,
        marker,
        children: parseRange(line, at + 1, close, { links, first: next }, active + marker),
      })
    else nodes.push({ type: 'code', marker, text: line.slice(at + 1, close) })
    plain = close + 1
    at = close
    while ((links[next]?.start ?? Infinity) <= close) next++
  }
  flush(to)
  return joinTexts(nodes)
}

/** A marker opens at the edge of a word: nothing of a word before it, something that is no space and not the same marker after it. */
function opens(line: string, at: number): boolean {
  const after = line.charAt(at + 1)
  return !wordCharacter.test(characterBefore(line, at)) && /\S/.test(after) && after !== line.charAt(at)
}

function characterBefore(line: string, at: number): string {
  const unit = line.charAt(at - 1)
  return /[\uDC00-\uDFFF]/.test(unit) ? line.slice(at - 2, at) : unit
}

function findClose(line: string, marker: string, from: number, to: number, { links, first }: Links): number {
  let next = first
  for (let at = line.indexOf(marker, from); at !== -1 && at < to; at = line.indexOf(marker, at + 1)) {
    while ((links[next]?.end ?? Infinity) <= at) next++
    if (marker !== '`' && (links[next]?.start ?? Infinity) <= at) continue
    const after = String.fromCodePoint(line.codePointAt(at + 1) ?? 32)
    if (/\S/.test(line.charAt(at - 1)) && !wordCharacter.test(after)) return at
  }
  return -1
}

const linkify = new LinkifyIt({ fuzzyLink: true, fuzzyEmail: false, fuzzyIP: false })
for (const schema of ['ftp:', 'mailto:', '//']) linkify.add(schema, null)

/** http and https only. A marker that closes around a link is not part of it (`*https://example.com*`). */
function findLinks(line: string): Link[] {
  if (!line.includes('.') && !line.includes('://')) return []
  const links: Link[] = []
  for (const match of linkify.match(line) ?? []) {
    let end = match.lastIndex
    for (
      let before = match.index - 1;
      /[*_~]/.test(line.charAt(before)) && line.charAt(end - 1) === line.charAt(before);
      before--
    )
      end--
    const href = webAddress(match.url.slice(0, match.url.length - (match.lastIndex - end)))
    if (href) links.push({ start: match.index, end, href })
  }
  return links
}

function webAddress(text: string): string | null {
  const url = URL.parse(text)
  return url && (url.protocol === 'https:' || url.protocol === 'http:') ? url.href : null
}
