import { toDataURL } from 'qrcode'

/** The QR as `data:image/png;base64,…`: black on white with the quiet zone of four modules that scanners need. */
export function qrImage(text: string): Promise<string> {
  return toDataURL(text, { type: 'image/png', margin: 4, scale: 6, errorCorrectionLevel: 'L' })
}
