import type { TestProject } from 'vitest/node'
import { createStack } from './create-stack.ts'
import { createDatabaseTemplate } from './create-test-stack.ts'

/** Starts one Postgres server for all test files of a run, with a migrated template to clone from. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await createStack({ durable: false, migrations: false })
  const { port } = new URL(stack.adminDatabaseUrl)
  const shared = await createDatabaseTemplate({ port: Number(port), secrets: stack.secrets })
  project.provide('embeddedPostgres', shared)
  return async () => {
    await stack[Symbol.asyncDispose]()
  }
}
