import type { proto } from '@whiskeysockets/baileys'
import type { Choices, MessageContent } from '#shared/content.ts'
import { clip, present } from './content-parts.ts'

interface DescribedChoice {
  type: 'text'
  text: string | null | undefined
  content: MessageContent
}

/** A message that offers something to choose, as businesses send them; its text is what it says above the choices. Pure. */
export function readChoices(
  content: proto.IMessage,
  kind: 'buttonsMessage' | 'listMessage' | 'templateMessage' | 'interactiveMessage',
): DescribedChoice {
  switch (kind) {
    case 'buttonsMessage': {
      const message = content.buttonsMessage
      const options = (message?.buttons ?? []).map((button) => option(button.buttonText?.displayText, button.buttonId))
      return choices(message?.contentText, { header: message?.text, footer: message?.footerText, options })
    }
    case 'listMessage': {
      const message = content.listMessage
      const rows = (message?.sections ?? []).flatMap((section) => section.rows ?? [])
      return choices(message?.description ?? message?.title, {
        header: message?.title,
        footer: message?.footerText,
        button: message?.buttonText,
        options: rows.map((row) => ({
          ...option(row.title, row.rowId),
          ...present('description', row.description, 1024),
        })),
      })
    }
    case 'templateMessage': {
      const message = content.templateMessage
      const template = message?.hydratedTemplate ?? message?.hydratedFourRowTemplate
      if (!template) return interactive(message?.interactiveMessageTemplate)
      const options = (template.hydratedButtons ?? []).map((button) => {
        const { quickReplyButton: reply, urlButton: url, callButton: call } = button
        return {
          ...option((reply ?? url ?? call)?.displayText, reply?.id),
          ...present('url', url?.url, 2048),
          ...present('phone', call?.phoneNumber, 64),
        }
      })
      return choices(template.hydratedContentText, {
        header: template.hydratedTitleText,
        footer: template.hydratedFooterText,
        options,
      })
    }
    case 'interactiveMessage':
      return interactive(content.interactiveMessage)
    default:
      return kind satisfies never
  }
}

/** What somebody chose. Pure. */
export function readChoice(
  content: proto.IMessage,
  kind: 'buttonsResponseMessage' | 'listResponseMessage' | 'templateButtonReplyMessage' | 'interactiveResponseMessage',
): DescribedChoice {
  switch (kind) {
    case 'buttonsResponseMessage': {
      const reply = content.buttonsResponseMessage
      return choice('button', reply?.selectedDisplayText, reply?.selectedButtonId)
    }
    case 'listResponseMessage': {
      const reply = content.listResponseMessage
      return choice('list', reply?.title ?? reply?.description, reply?.singleSelectReply?.selectedRowId)
    }
    case 'templateButtonReplyMessage': {
      const reply = content.templateButtonReplyMessage
      return choice('template', reply?.selectedDisplayText, reply?.selectedId)
    }
    case 'interactiveResponseMessage': {
      const reply = content.interactiveResponseMessage
      const parameters = parametersOf(reply?.nativeFlowResponseMessage?.paramsJson)
      return choice('interactive', reply?.body?.text ?? parameters.title, parameters.id)
    }
    default:
      return kind satisfies never
  }
}

function interactive(message: proto.Message.IInteractiveMessage | null | undefined): DescribedChoice {
  const options = (message?.nativeFlowMessage?.buttons ?? []).map((button) => {
    const { title, id, url, phone } = parametersOf(button.buttonParamsJson)
    return { ...option(title ?? button.name, id), ...present('url', url, 2048), ...present('phone', phone, 64) }
  })
  return choices(message?.body?.text, { header: message?.header?.title, footer: message?.footer?.text, options })
}

function choices(
  text: string | null | undefined,
  given: {
    header?: string | null | undefined
    footer?: string | null | undefined
    button?: string | null | undefined
    options: Choices['options']
  },
): DescribedChoice {
  return {
    type: 'text',
    text: text || given.header,
    content: {
      choices: {
        ...present('header', given.header, 1024),
        ...present('footer', given.footer, 1024),
        ...present('button', given.button, 256),
        options: given.options.slice(0, 128),
      },
    },
  }
}

function choice(
  kind: NonNullable<MessageContent['choice']>['kind'],
  text: string | null | undefined,
  id: string | null | undefined,
): DescribedChoice {
  return {
    type: 'text',
    text: text || id,
    content: { choice: { kind, ...present('id', id, 256), text: clip(text || id || '', 1024) } },
  }
}

function option(text: string | null | undefined, id: string | null | undefined): Choices['options'][number] {
  return { ...present('id', id, 256), text: clip(text ?? '', 1024) }
}

/** What a button of a native flow says in its JSON; nothing of one that is no JSON. */
function parametersOf(json: string | null | undefined): { title?: string; id?: string; url?: string; phone?: string } {
  let parsed: unknown
  try {
    parsed = JSON.parse(json ?? '')
  } catch {
    return {}
  }
  const textOf = (...names: string[]): string | undefined =>
    names.map((name): unknown => Reflect.get(Object(parsed), name)).find((value) => typeof value === 'string')
  const found = {
    title: textOf('display_text', 'title'),
    id: textOf('id', 'selected_id'),
    url: textOf('url'),
    phone: textOf('phone_number'),
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}
