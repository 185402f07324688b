/** Who may import whom: ARCHITECTURE.md as rules. `npm run check` runs them; session-host/tests/import-rules.test.ts plants a violation. */
const npm = (...names) => names.map((name) => `^node_modules/(@types/)?${name}(/|$)`)
const room = (...folders) => folders.map((folder) => `^${folder}(/|$)`)
const host = (...names) => room(...names.map((name) => `session-host/${name}`))
/** The composition root: host.ts, and the parts of it that are files of their own. */
const parts = 'session-factory|notifications|sweeps'
const tests = '\\.(test|fixture|browser\\.test)\\.tsx?$'

/**
 * [room, its files, what they may reach, whether they may use Node's own modules].
 * @type {[string, string[], string[], boolean][]}
 */
const rules = [
  ['shared', ['^shared/'], [...room('shared'), ...npm('zod', 'jose', 'libphonenumber-js')], false],
  [
    'edge-functions',
    ['^edge-functions/'],
    [
      ...room('shared', 'edge-functions'),
      ...npm('zod', 'jose', 'hono', '@hono/zod-openapi', '@supabase/supabase-js', '@supabase/[^/]+'),
    ],
    false,
  ],
  ['supabase', ['^supabase/'], [...room('supabase', 'shared'), '^node_modules/'], true],
  ['store', host('store'), [...room('shared'), ...host('store'), ...npm('zod', 'pg')], true],
  [
    'whatsapp',
    host('whatsapp'),
    [
      ...room('shared'),
      ...host('whatsapp'),
      ...npm('zod', '@whiskeysockets/baileys', 'libsignal', 'lru-cache', 'qrcode'),
    ],
    true,
  ],
  ['sessions', host('sessions'), [...room('shared'), ...host('sessions', 'whatsapp', 'store'), ...npm('zod')], true],
  [
    'realtime',
    host('realtime'),
    [...room('shared'), ...host('realtime', 'store'), ...npm('zod', 'socket.io', '@socket.io/[^/]+')],
    true,
  ],
  [
    'media',
    host('media'),
    [
      ...room('shared'),
      ...host('media', 'store'),
      ...npm('@supabase/supabase-js', 'undici', 'ipaddr.js', 'file-type', 'sharp'),
    ],
    true,
  ],
  [
    'http',
    host('http'),
    [...host('http'), ...npm('hono', '@hono/node-server', 'prom-client', 'swagger-ui-dist')],
    true,
  ],
  ['simulator', host('simulator'), [...host('simulator'), '^node_modules/'], true],
  ['console', host('console'), [...room('shared'), ...host('console'), '^node_modules/'], false],
  [
    'main',
    ['^session-host/main\\.ts$'],
    ['^session-host/(host|config|development-key|thrifty-memory)\\.ts$', ...npm('pino')],
    true,
  ],
  ['config', ['^session-host/config\\.ts$'], [...room('shared'), ...npm('zod')], true],
]

export default {
  forbidden: [
    ...rules.map(([name, from, to, core]) => ({
      name: `${name}-imports`,
      severity: 'error',
      from: { path: from, pathNot: [tests, 'vite\\.config\\.ts$'] },
      to: { pathNot: to, ...(core ? { dependencyTypesNot: ['core'] } : {}) },
    })),
    {
      name: 'only-host-composes',
      severity: 'error',
      from: {
        path: '^session-host/',
        pathNot: [`^session-host/((host|main|${parts})\\.ts|dev/|tests/|bench/)`, tests],
      },
      to: { path: `^(session-host/(host|main|${parts})\\.ts|edge-functions/)` },
    },
    {
      name: 'only-whatsapp-knows-baileys',
      severity: 'error',
      from: { pathNot: '^session-host/(whatsapp|dev|tests|bench|simulator)/' },
      to: { path: npm('@whiskeysockets/baileys') },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-dev-dependency',
      severity: 'error',
      from: {
        path: '^(shared|edge-functions|session-host)/',
        pathNot: ['^session-host/(dev|tests|bench|console|simulator)/', tests],
      },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true, // sees `import type` too
    preserveSymlinks: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
