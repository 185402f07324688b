import { memo, type ReactNode } from 'react'
import { useLanguage } from '../language/language.tsx'
import { parseWhatsAppText, type TextNode } from './whatsapp-text.ts'

/** A message's text as React nodes: whatever it says, it stays text. */
export const FormattedText = memo(function FormattedText({ text }: { text: string }): ReactNode {
  return <Nodes nodes={parseWhatsAppText(text)} />
})

const bidiControl = /[\u202a-\u202e\u2066-\u2069]/

function Nodes({ nodes }: { nodes: readonly TextNode[] }): ReactNode {
  // A text's pieces never move, so their place is their key.
  return nodes.map((node, index) => <Piece key={index} node={node} />)
}

function Piece({ node }: { node: TextNode }): ReactNode {
  switch (node.type) {
    case 'text':
      // An override that is never closed must not turn what follows the text.
      return bidiControl.test(node.text) ? <bdi>{node.text}</bdi> : node.text
    case 'gap':
      return null
    case 'bold':
      return <Styled as="strong" nodes={node.children} />
    case 'italic':
      return <Styled as="em" nodes={node.children} />
    case 'strike':
      return <Styled as="s" nodes={node.children} />
    case 'code':
      return <code>{node.text}</code>
    case 'block':
      return (
        <pre>
          <code>{node.text.replace(/^\n|\n$/g, '')}</code>
        </pre>
      )
    case 'link':
      return <SafeLink text={node.text} href={node.href} />
    case 'quote':
      return (
        <blockquote>
          {node.lines.map((line, index) => (
            <div key={index} dir="auto">
              <Nodes nodes={line.children} />
            </div>
          ))}
        </blockquote>
      )
    case 'bullets':
    case 'numbers': {
      const List = node.type === 'bullets' ? 'ul' : 'ol'
      const start = Number.parseInt(node.lines[0]?.prefix ?? '1')
      return (
        <List {...(node.type === 'numbers' ? { start } : {})}>
          {node.lines.map((line, index) => (
            <li key={index} dir="auto">
              <Nodes nodes={line.children} />
            </li>
          ))}
        </List>
      )
    }
    default:
      return node satisfies never
  }
}

function Styled({ as: Element, nodes }: { as: 'strong' | 'em' | 's'; nodes: readonly TextNode[] }): ReactNode {
  return (
    <Element>
      <Nodes nodes={nodes} />
    </Element>
  )
}

/** Opens elsewhere and tells the other side nothing; a host in another script shows its real (punycode) address too. */
function SafeLink({ text, href }: { text: string; href: string }): ReactNode {
  const { t } = useLanguage()
  const host = URL.parse(href)?.hostname ?? ''
  const disguised = /(^|\.)xn--/.test(host)
  return (
    <>
      <a href={href} target="_blank" rel="noopener noreferrer nofollow">
        <bdi>{text}</bdi>
      </a>
      {disguised && <span className="real-host"> ({t.linkHost(host)})</span>}
    </>
  )
}
