/** What the `Prefer` headers ask for (https://docs.postgrest.org/en/stable/references/api/preferences.html). */
export interface Preferences {
  return: 'representation' | 'minimal'
  count: 'exact' | undefined
  resolution: 'merge' | 'ignore' | undefined
  missingDefault: boolean
  maximumAffected: number | undefined
  /** The preferences followed, for `Preference-Applied`. */
  applied: string[]
}

/** Planned and estimated counts are answered exactly: the tables here are small. */
export function readPreferences(headers: Headers): Preferences {
  const preferences: Preferences = {
    return: 'minimal',
    count: undefined,
    resolution: undefined,
    missingDefault: false,
    maximumAffected: undefined,
    applied: [],
  }
  for (const item of (headers.get('prefer') ?? '').split(',').map((part) => part.trim())) {
    const [key, value] = item.split('=')
    if (key === 'return' && value === 'representation') preferences.return = 'representation'
    else if (key === 'return') preferences.return = 'minimal'
    else if (key === 'count') preferences.count = 'exact'
    else if (key === 'resolution') preferences.resolution = value === 'merge-duplicates' ? 'merge' : 'ignore'
    else if (key === 'missing') preferences.missingDefault = value === 'default'
    else if (key === 'max-affected') preferences.maximumAffected = Number(value)
    else continue
    preferences.applied.push(item)
  }
  return preferences
}
