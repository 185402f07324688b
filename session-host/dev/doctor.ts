import process from 'node:process'
import { parseArgs } from 'node:util'
import { examineEnvironment, type Finding } from './examine-environment.ts'

const help = `Looks at the environment that "npm start" would start in, and says what to do. It changes nothing.

  npm run doctor             for people
  npm run doctor -- --json   {ok, exitCode, findings: [{name, state, message, remedy?}]}

It ends with 0 when the session-host would start, 78 when a setting is wrong, 1 when something that it needs is not there.
`

const signs: Record<Finding['state'], string> = { ok: '✓', warning: '!', failed: '✗', skipped: '·' }

const { values } = readArguments()
if (values.help) {
  process.stdout.write(help)
  process.exit(0)
}
const { findings, exitCode } = await examineEnvironment(process.env)
if (values.json) process.stdout.write(`${JSON.stringify({ ok: exitCode === 0, exitCode, findings })}\n`)
else {
  for (const { name, state, message, remedy } of findings)
    process.stdout.write(`${signs[state]} ${name.padEnd(15)} ${message}\n${remedy ? `  → ${remedy}\n` : ''}`)
  process.stdout.write(exitCode === 0 ? '\nReady: npm start\n' : '\nNot ready yet.\n')
}
process.exit(exitCode)

function readArguments() {
  try {
    return parseArgs({
      options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    })
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`)
    process.exit(78)
  }
}
