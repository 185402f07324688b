import { X509Certificate } from 'node:crypto'
import { z } from 'zod'

/** The host's settings: what it is told, checked once. Everything else receives plain values. */
export interface Config {
  production: boolean
  port: number
  databaseUrl: string
  supabaseUrl: string
  publishableKey: string
  /** The project's secret key, for the files of Storage; null where it is not given: then no file is kept or erased. */
  serviceKey: string | null
  /** How access tokens are verified: exactly one of the two. */
  tokens: { issuer: string } & ({ jwksUrl: string } | { secret: string })
  whatsapp: {
    endpoint: string
    /** Hex X25519 key that the Noise certificates must end in; null for WhatsApp's own. */
    rootCertKey: string | null
    /** True for an endpoint on loopback: a simulator or a test server. */
    simulated: boolean
    /** Certificate (PEM) that a simulator's media host is trusted by, beside the ordinary ones. */
    mediaCaCert: string | null
    /** Where the current revision of WhatsApp Web is learned. */
    versionUrl: string
    linkTimeoutMs: number
    linkRetries: number
    /** How fast messages leave; 0 turns a rule off. */
    pacing: { intervalMs: number; firstContactMs: number; recipientPerMinute: number }
    /** A message that waits longer fails, in ms; 0: never. */
    sendDeadlineMs: number
  }
  /** Keys that encrypt credentials, the first one writes; null in development, where one is made and kept. */
  authStateKeys: { id: string; key: Buffer }[] | null
  media: {
    /** Media of new messages are fetched at once, or only when somebody asks. */
    download: 'eager' | 'lazy'
    /** The largest file, in bytes. */
    maxBytes: number
  }
  /** What a scraper of /metrics must know; null: there is no /metrics. */
  metricsToken: string | null
  corsOrigins: string[]
  logLevel: string
}

/** WhatsApp Web's endpoint. */
const whatsappEndpoint = 'wss://web.whatsapp.com/ws/chat'
/** Its service worker, which names the current revision. */
const whatsappVersionUrl = 'https://web.whatsapp.com/sw.js'

/** Secrets that stand in guides and examples: whoever runs with one has not chosen one. */
const exampleSecrets = new Set([
  'your-jwt-secret',
  'strong-secret-key',
  'secret',
  'changeme',
  'super-secret-jwt-token-with-at-least-32-characters-long',
])

/** True for a value that stands in guides and examples. */
export function isExampleSecret(value: string): boolean {
  return exampleSecrets.has(value) || /^your-[a-z-]+-key$/.test(value)
}

const url = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
  .transform((text) => text.replace(/\/+$/, ''))
const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be between ${min} and ${max}`)

const variables = {
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  PORT: integer(0, 65_535).default(5001),
  DATABASE_URL: z
    .string({ error: 'is required: the Postgres of the Supabase project' })
    .regex(/^postgres(ql)?:\/\/\S+$/, 'must be a postgres:// URL'),
  SUPABASE_URL: url
    .or(z.undefined())
    .refine((text) => text !== undefined, 'is required: the API gateway of the project'),
  SUPABASE_PUBLISHABLE_KEY: z
    .string({ error: 'is required: copy the publishable (or anon) key from the project settings, API keys' })
    .min(1, 'is empty'),
  SUPABASE_SERVICE_ROLE_KEY: z.string().optional(),
  JWT_SECRET: z.string().min(1, 'is empty').optional(),
  SUPABASE_JWKS_URL: url.optional(),
  WHATSAPP_SESSION_TIMEOUT: integer(1_000, 3_600_000).default(180_000),
  WHATSAPP_MAX_RETRIES: integer(0, 20).default(3),
  WHATSAPP_SEND_INTERVAL: integer(0, 3_600_000).default(1_000),
  WHATSAPP_FIRST_CONTACT_INTERVAL: integer(0, 86_400_000).default(20_000),
  WHATSAPP_RECIPIENT_RATE: integer(0, 10_000).default(30),
  WHATSAPP_SEND_DEADLINE: integer(0, 2_592_000_000).default(86_400_000),
  WHATSAPP_WEB_SOCKET_URL: z
    .url({ protocol: /^wss?$/, error: 'must be a ws:// or wss:// URL' })
    .default(whatsappEndpoint),
  WHATSAPP_ROOT_CERT_KEY: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits, an X25519 public key')
    .optional(),
  WHATSAPP_MEDIA_CA_CERT: z
    .string()
    .refine(isCertificate, 'must be an X.509 certificate, base64 of its DER')
    .optional(),
  MEDIA_DOWNLOAD: z.enum(['eager', 'lazy'], { error: 'must be eager or lazy' }).default('eager'),
  MEDIA_MAX_BYTES: integer(1, 2_147_483_648).default(104_857_600),
  WHATSAPP_VERSION_URL: url.optional(),
  METRICS_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  AUTH_STATE_KEY: z.string().transform(parseKeys).optional(),
  CORS_ORIGINS: z.string().transform(parseOrigins).optional(),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be fatal, error, warn, info, debug, trace or silent',
    })
    .default('info'),
}

/** Names of all settings, for the documentation's sake. */
export const variableNames = Object.keys(variables)

const Environment = z.object(variables).superRefine((env, context) => {
  const refuse = (name: keyof typeof env, message: string): void =>
    context.addIssue({ code: 'custom', path: [name], message })
  const simulated = isLoopback(env.WHATSAPP_WEB_SOCKET_URL)
  if (env.WHATSAPP_ROOT_CERT_KEY && !simulated)
    refuse('WHATSAPP_ROOT_CERT_KEY', 'is accepted for a WHATSAPP_WEB_SOCKET_URL on loopback only')
  if (env.WHATSAPP_MEDIA_CA_CERT && !simulated)
    refuse('WHATSAPP_MEDIA_CA_CERT', 'is accepted for a WHATSAPP_WEB_SOCKET_URL on loopback only')
  if (!simulated && !env.WHATSAPP_WEB_SOCKET_URL.startsWith('wss://'))
    refuse('WHATSAPP_WEB_SOCKET_URL', 'must be wss:// unless it is on loopback')
  if (env.JWT_SECRET !== undefined && env.SUPABASE_JWKS_URL !== undefined)
    refuse('JWT_SECRET', 'and SUPABASE_JWKS_URL exclude each other: set the one that your project signs tokens with')
  if (env.NODE_ENV !== 'production') return
  if (simulated) refuse('WHATSAPP_WEB_SOCKET_URL', 'points at a simulator, which production refuses')
  if (env.WHATSAPP_ROOT_CERT_KEY) refuse('WHATSAPP_ROOT_CERT_KEY', 'is refused in production')
  if (env.WHATSAPP_MEDIA_CA_CERT) refuse('WHATSAPP_MEDIA_CA_CERT', 'is refused in production')
  for (const name of ['SUPABASE_PUBLISHABLE_KEY', 'SUPABASE_SERVICE_ROLE_KEY'] as const)
    if (isEmbeddedKey(env[name])) refuse(name, 'belongs to the embedded development gateway, which production refuses')
  if (env.SUPABASE_SERVICE_ROLE_KEY === 'your-service-role-key')
    refuse('SUPABASE_SERVICE_ROLE_KEY', 'is the example of the guide: copy the key from the project settings')
  if (env.JWT_SECRET !== undefined && (exampleSecrets.has(env.JWT_SECRET) || env.JWT_SECRET.length < 32))
    refuse('JWT_SECRET', 'is an example or shorter than 32 characters: copy it from the project settings, JWT keys')
  if (!env.AUTH_STATE_KEY)
    refuse(
      'AUTH_STATE_KEY',
      'is required in production. Make one: echo "k1:$(openssl rand -base64 32)", and keep it: linked phones depend on it',
    )
  if (!env.CORS_ORIGINS)
    refuse('CORS_ORIGINS', 'is required in production: the origins of your front end, e.g. https://app.example.com')
})

/** Reads the environment. Fails with ConfigError, which names every problem at once. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  // An empty variable means the same as none: that is what shells and .env files leave behind.
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = Environment.safeParse(given)
  if (!parsed.success)
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`))
  const env = parsed.data
  const supabaseUrl = env.SUPABASE_URL ?? ''
  const issuer = `${supabaseUrl}/auth/v1`
  return {
    production: env.NODE_ENV === 'production',
    port: env.PORT,
    databaseUrl: env.DATABASE_URL,
    supabaseUrl,
    publishableKey: env.SUPABASE_PUBLISHABLE_KEY,
    serviceKey: env.SUPABASE_SERVICE_ROLE_KEY ?? null,
    tokens: env.JWT_SECRET
      ? { issuer, secret: env.JWT_SECRET }
      : { issuer, jwksUrl: env.SUPABASE_JWKS_URL ?? `${issuer}/.well-known/jwks.json` },
    whatsapp: {
      endpoint: env.WHATSAPP_WEB_SOCKET_URL,
      rootCertKey: env.WHATSAPP_ROOT_CERT_KEY ?? null,
      simulated: isLoopback(env.WHATSAPP_WEB_SOCKET_URL),
      mediaCaCert: env.WHATSAPP_MEDIA_CA_CERT ? certificateOf(env.WHATSAPP_MEDIA_CA_CERT).toString() : null,
      versionUrl: env.WHATSAPP_VERSION_URL ?? versionUrlOf(env.WHATSAPP_WEB_SOCKET_URL),
      linkTimeoutMs: env.WHATSAPP_SESSION_TIMEOUT,
      linkRetries: env.WHATSAPP_MAX_RETRIES,
      pacing: {
        intervalMs: env.WHATSAPP_SEND_INTERVAL,
        firstContactMs: env.WHATSAPP_FIRST_CONTACT_INTERVAL,
        recipientPerMinute: env.WHATSAPP_RECIPIENT_RATE,
      },
      sendDeadlineMs: env.WHATSAPP_SEND_DEADLINE,
    },
    authStateKeys: env.AUTH_STATE_KEY ?? null,
    media: { download: env.MEDIA_DOWNLOAD, maxBytes: env.MEDIA_MAX_BYTES },
    metricsToken: env.METRICS_TOKEN ?? null,
    corsOrigins: env.CORS_ORIGINS ?? ['http://localhost:3000'],
    logLevel: env.LOG_LEVEL,
  }
}

/** The environment does not make sense; `problems` has a sentence each, beginning with the variable's name. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: string[]
  constructor(problems: string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** `id:base64[,id:base64…]`, 32 bytes each. */
function parseKeys(text: string, context: z.RefinementCtx): { id: string; key: Buffer }[] {
  return text.split(',').map((part) => {
    const [, id = '', encoded = ''] = /^([\w-]{1,32}):([\w+/-]+=*)$/.exec(part.trim()) ?? []
    const key = Buffer.from(encoded, 'base64')
    if (key.length !== 32 || key.every((byte) => byte === 0))
      context.addIssue({ code: 'custom', message: 'must be id:base64 of 32 random bytes, several separated by commas' })
    return { id, key }
  })
}

function parseOrigins(text: string, context: z.RefinementCtx): string[] {
  return text.split(',').map((part) => {
    const origin = part.trim().replace(/\/$/, '')
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      context.addIssue({
        code: 'custom',
        message: `has "${origin}", which is no origin such as https://app.example.com`,
      })
    return origin
  })
}

function certificateOf(base64: string): X509Certificate {
  return new X509Certificate(Buffer.from(base64, 'base64'))
}

function isCertificate(base64: string): boolean {
  try {
    return certificateOf(base64).ca
  } catch {
    return false
  }
}

/** True for 127.0.0.0/8, ::1 and localhost. */
function isLoopback(text: string): boolean {
  const { hostname } = new URL(text)
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

/** A server on loopback that stands in for WhatsApp names its revision itself. */
function versionUrlOf(endpoint: string): string {
  return isLoopback(endpoint) ? new URL('/sw.js', endpoint.replace(/^ws/, 'http')).href : whatsappVersionUrl
}

/** Keys that supabase/local makes carry their origin in the name. */
function isEmbeddedKey(key: string | undefined): boolean {
  return /^sb_(publishable|secret)_embedded_/.test(key ?? '')
}
