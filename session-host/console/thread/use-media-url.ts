import { useQuery } from '@tanstack/react-query'
import type { Message } from '#shared/message.ts'
import { useParts } from '../parts.ts'
import { mediaPath } from './media-path.ts'

const validSeconds = 3_600
const freshMs = 50 * 60_000

export interface MediaUrl {
  /** Loads for an hour; null while there is none (yet). */
  url: string | null
  /** The address no longer works: make another. */
  renew: () => void
}

/** An address for a stored medium that the browser can load, signed as the reader: the bucket is private. */
export function useMediaUrl({ media_status, media_url }: Pick<Message, 'media_status' | 'media_url'>): MediaUrl {
  const { supabase } = useParts()
  const path = media_status === 'stored' ? mediaPath(media_url) : null
  const { data, refetch } = useQuery({
    queryKey: ['media', path],
    queryFn: async () => {
      const signed = await supabase.storage.from('media').createSignedUrl(path ?? '', validSeconds)
      if (signed.error) throw signed.error
      return signed.data.signedUrl
    },
    enabled: path !== null,
    staleTime: freshMs,
    gcTime: freshMs,
    retry: 1,
  })
  return { url: data ?? null, renew: () => void refetch() }
}
