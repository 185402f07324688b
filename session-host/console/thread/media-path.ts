/** Where a medium lies in the bucket `media`: out of a row's storage path, or of the signed URL that REST makes of it. Null for neither. */
export function mediaPath(value: string | null): string | null {
  if (value === null || value === '') return null
  if (!/^[a-z]+:/i.test(value)) return value.replace(/^media\//, '')
  const signed = URL.parse(value)?.pathname.match(/\/object\/(?:sign|authenticated|public)\/media\/(.+)$/)
  return signed?.[1] ? decodeURIComponent(signed[1]) : null
}
