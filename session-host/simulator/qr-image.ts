import decodeQr from 'qr/decode.js'
import sharp from 'sharp'
import { ControlError } from './control-error.ts'

/**
 * Reads the QR code in a picture, as a phone's camera would.
 * @throws ControlError `invalid_qr` when it is no picture, or none with a QR code in it
 */
export async function readQrImage(png: Uint8Array): Promise<string> {
  try {
    const { data, info } = await sharp(png, { limitInputPixels: MAX_PIXELS })
      .flatten({ background: '#ffffff' })
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
    return decodeQr({ data, width: info.width, height: info.height }, { timeLimit: 1000 })
  } catch (error) {
    throw new ControlError(
      422,
      'invalid_qr',
      `There is no readable QR code in this picture. ${error instanceof Error ? error.message : ''}`.trim(),
    )
  }
}

/** The bytes of a `data:image/…;base64,` URL. */
export function readDataUrl(url: string): Buffer {
  const match = /^data:image\/[a-z+.-]+;base64,([A-Za-z0-9+/=]+)$/.exec(url)
  if (!match?.[1]) throw new ControlError(422, 'invalid_qr', 'The image is to be a data URL: data:image/png;base64,…')
  return Buffer.from(match[1], 'base64')
}

const MAX_PIXELS = 16_000_000
