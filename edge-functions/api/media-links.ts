import type { Message } from '#shared/message.ts'
import type { ApiContext } from './api-env.ts'

/**
 * Messages with an address, good for an hour, in the place of their media's storage paths. The file is served as an attachment under
 * its own name. A path that can't be signed is none: a missing medium hides no message.
 */
export async function withLinks<T extends Pick<Message, 'media_url' | 'media_file_name'>>(
  c: ApiContext,
  messages: T[],
): Promise<T[]> {
  const paths = [...new Set(messages.flatMap(({ media_url }) => media_url ?? []))]
  const links = await c
    .get('database')
    .signFiles(paths)
    .catch(() => new Map<string, string>())
  return messages.map((message) => {
    if (message.media_url === null) return message
    const link = links.get(message.media_url)
    return { ...message, media_url: link === undefined ? null : asDownload(link, message) }
  })
}

function asDownload(
  link: string,
  { media_url, media_file_name }: Pick<Message, 'media_url' | 'media_file_name'>,
): string {
  const url = new URL(link)
  url.searchParams.set('download', media_file_name ?? media_url?.split('/').at(-1) ?? '')
  return url.href
}
