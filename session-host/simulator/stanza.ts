import type { BinaryNode } from '@whiskeysockets/baileys/lib/WABinary/index.js'

export type Stanza = BinaryNode

/** The name of the server in `from` and `to`, in the form that clients compare with. */
export const SERVER = '@s.whatsapp.net'

/** Attributes with a value; absent ones are left out, as the encoder does. */
export type Attributes = Record<string, string | number | undefined>

/** Builds a stanza; content may be children, text or bytes. */
export function stanza(tag: string, attributes: Attributes = {}, content?: Stanza[] | string | Uint8Array): Stanza {
  const attrs: Record<string, string> = {}
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) attrs[name] = String(value)
  return content === undefined ? { tag, attrs } : { tag, attrs, content }
}

export function children(node: Stanza | undefined, tag?: string): Stanza[] {
  const all = Array.isArray(node?.content) ? node.content : []
  return tag === undefined ? all : all.filter((each) => each.tag === tag)
}

export function child(node: Stanza | undefined, tag: string): Stanza | undefined {
  return children(node, tag)[0]
}

/** The bytes inside a stanza; text (a dictionary token or packed digits on the wire) counts as its UTF-8. */
export function bytesOf(node: Stanza | undefined): Buffer | undefined {
  const content = node?.content
  if (content === undefined || Array.isArray(content)) return undefined
  return Buffer.from(content)
}

/** A big-endian number inside a stanza. */
export function numberOf(node: Stanza | undefined): number | undefined {
  const bytes = bytesOf(node)
  return bytes && bytes.length > 0 && bytes.length <= 6 ? bytes.readUIntBE(0, bytes.length) : undefined
}

/** A number as `length` big-endian bytes. */
export function bigEndian(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  bytes.writeUIntBE(value, 0, length)
  return bytes
}

/** A stanza as one can read it in a report: tags and attributes, contents only by their size. */
export function outline(node: Stanza): string {
  const attributes = Object.entries(node.attrs)
    .map(([name, value]) => ` ${name}="${value}"`)
    .join('')
  if (Array.isArray(node.content))
    return `<${node.tag}${attributes}>${node.content.map(outline).join('')}</${node.tag}>`
  return node.content === undefined
    ? `<${node.tag}${attributes}/>`
    : `<${node.tag}${attributes}>${node.content.length} bytes</${node.tag}>`
}
