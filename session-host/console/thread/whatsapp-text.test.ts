import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseWhatsAppText, sourceText, visibleText, type TextNode } from './whatsapp-text.ts'

/** A readable form: <b>, <i>, <s>, <c> for code, <pre>, <a>, <q>, <ul>, <ol>; `|` where lines of a block part. */
function shape(nodes: readonly TextNode[]): string {
  const tags = {
    bold: 'b',
    italic: 'i',
    strike: 's',
    code: 'c',
    block: 'pre',
    quote: 'q',
    bullets: 'ul',
    numbers: 'ol',
  }
  return nodes
    .map((node) => {
      if (node.type === 'text' || node.type === 'gap') return node.type === 'gap' ? '' : node.text
      if (node.type === 'link') return `<a ${node.href}>${node.text}</a>`
      const tag = tags[node.type]
      if ('text' in node) return `<${tag}>${node.text}</${tag}>`
      if ('lines' in node) return `<${tag}>${node.lines.map((line) => shape(line.children)).join('|')}</${tag}>`
      return `<${tag}>${shape(node.children)}</${tag}>`
    })
    .join('')
}
const read = (text: string): string => shape(parseWhatsAppText(text))

describe('the text of a message', () => {
  it('knows bold, italic, strike and code at the edges of words', () => {
    expect(read('*hola* _qué_ ~tal~ `x*y*`')).toBe('<b>hola</b> <i>qué</i> <s>tal</s> <c>x*y*</c>')
    expect(read('*_~todo~_*')).toBe('<b><i><s>todo</s></i></b>')
    expect(read('(*ya*), ¡*sí*!')).toBe('(<b>ya</b>), ¡<b>sí</b>!')
  })
  it('leaves markers alone inside words and beside spaces', () => {
    for (const plain of [
      'snake_case_name',
      '2*3*4',
      'x * a *',
      '*a',
      '**',
      'x * *',
      'á*b*',
      '𝐚*b*',
      '~ ~',
      '`',
      '```',
      '``````',
      '*a\nb*',
    ])
      expect(read(plain)).toBe(plain)
  })
  it('knows code blocks over several lines, and formats nothing in them', () => {
    expect(read('mira:\n```const *a*\n= 1```\nfin')).toBe('mira:<pre>const *a*\n= 1</pre>fin')
  })
  it('knows quotes and lists', () => {
    expect(read('> uno\n> *dos*\nfin')).toBe('<q>uno|<b>dos</b></q>fin')
    expect(read('ten:\n- pan\n- *sal*\n\n1. a\n2. b')).toBe('ten:<ul>pan|<b>sal</b></ul><ol>a|b</ol>')
    expect(read('* a\n* b')).toBe('<ul>a|b</ul>')
    expect(read('a > b - c')).toBe('a > b - c')
  })
  it('links http and https addresses only, and keeps markers out of them', () => {
    expect(read('ve a https://example.com/a_b_c?x=1.')).toBe(
      've a <a https://example.com/a_b_c?x=1>https://example.com/a_b_c?x=1</a>.',
    )
    expect(read('*https://example.com*')).toBe('<b><a https://example.com/>https://example.com</a></b>')
    expect(read('example.com')).toBe('<a http://example.com/>example.com</a>')
    for (const plain of [
      'javascript:alert(1)',
      'data:text/html,x',
      'a@example.com',
      'ftp://example.com',
      'file:///etc/passwd',
    ])
      expect(read(plain)).not.toContain('<a ')
  })
})

const hostile = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({
    unit: fc.constantFrom(
      '*',
      '_',
      '~',
      '`',
      '>',
      '-',
      ' ',
      '\n',
      'a',
      '1',
      '. ',
      '<',
      '&',
      '"',
      'http://a.co',
      '/x_y',
      '```',
      '\u202e',
    ),
  }),
  fc
    .array(
      fc.constantFrom(
        '<img src=x onerror=alert(1)>',
        '*',
        '_',
        '```',
        '\n',
        '> ',
        'https://example.com/*a*',
        '</p>',
        ' ',
      ),
      { maxLength: 30 },
    )
    .map((parts) => parts.join('')),
)

/** All links, however deep. */
function linksIn(nodes: readonly TextNode[]): string[] {
  return nodes.flatMap((node) => {
    if (node.type === 'link') return [node.href]
    if ('children' in node) return linksIn(node.children)
    return 'lines' in node ? node.lines.flatMap((line) => linksIn(line.children)) : []
  })
}

/** True when `part` is left of `whole` after taking characters away, and nothing else. */
function isLeftOf(part: string, whole: string): boolean {
  let at = 0
  for (const unit of part) {
    at = whole.indexOf(unit, at)
    if (at === -1) return false
    at += unit.length
  }
  return true
}

describe('whatever is written', () => {
  it('nothing is lost: the pieces with their markers are the input', () => {
    const lossless = fc.property(hostile, (text) => sourceText(parseWhatsAppText(text)) === text)
    expect(fc.check(lossless, { numRuns: 3000 })).toMatchObject({ failed: false })
  })
  it('nothing is added: what is read is the input minus markers, in order', () => {
    const onlyLess = fc.property(hostile, (text) => isLeftOf(visibleText(parseWhatsAppText(text)), text))
    expect(fc.check(onlyLess, { numRuns: 1000 })).toMatchObject({ failed: false })
  })
  const scheme = fc.constantFrom(
    'https://',
    'HTTP://a.co/',
    'javascript:',
    'javascript://a.co/',
    'data:',
    '//a.co',
    'ftp://a.co',
  )
  it('every link leads to http or https', () => {
    const safe = fc.property(scheme, hostile, (start, text) =>
      linksIn(parseWhatsAppText(start + text)).every((href) => /^https?:\/\//.test(href)),
    )
    expect(fc.check(safe, { numRuns: 1000 })).toMatchObject({ failed: false })
  })
  it('the longest message WhatsApp allows is read in one go, however it nests (squared work would take minutes)', () => {
    for (const unit of [
      '*',
      '* ',
      ' *a',
      '_*~',
      '`',
      '``` ',
      '*a* ',
      '> ',
      '\n- ',
      'a.b',
      'http://',
      '/',
      '@',
      'http://a.co/_x_ ',
      'ñ_',
    ]) {
      const text = unit.repeat(65_536 / unit.length)
      expect(sourceText(parseWhatsAppText(text)) === text).toBe(true)
    }
  }, 30_000)
})
