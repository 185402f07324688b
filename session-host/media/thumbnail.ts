import sharp from 'sharp'
import { MediaFailure } from './media-failure.ts'

/** A picture's size, and the small JPEG that phones show until they have the file. */
export interface PictureFacts {
  width: number
  height: number
  thumbnail: Buffer
}

/** What a picture may have at most; a small file can hold many more, and unpacking them is what costs. */
const maxPixels = 50_000_000
/** As large as WhatsApp's own thumbnails. */
const thumbnailWidth = 72

/** Lets pictures be read one at a time in one thread, and keeps none. For the whole process. */
export function limitPictureMemory(): void {
  sharp.cache(false)
  sharp.concurrency(1)
}

/** Fails with media_type_not_allowed for what is no picture, or one of too many pixels. */
export async function readPicture(file: Buffer): Promise<PictureFacts> {
  try {
    const picture = sharp(file, { limitInputPixels: maxPixels, failOn: 'error', pages: 1 })
    const { autoOrient, width, height } = await picture.metadata()
    const thumbnail = await picture
      .autoOrient()
      .resize(thumbnailWidth)
      .flatten({ background: '#ffffff' })
      .jpeg({ quality: 50 })
      .toBuffer()
    return { width: autoOrient?.width ?? width, height: autoOrient?.height ?? height, thumbnail }
  } catch (error) {
    throw new MediaFailure('media_type_not_allowed', error instanceof Error ? error.name : 'sharp')
  }
}
