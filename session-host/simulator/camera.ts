import type { World } from './world.ts'

/** Puts a picture in front of every simulated phone's camera, or takes it away. */
export function setCamera(world: World, png: Buffer | undefined): { at: number } {
  const at = Date.now()
  world.camera = png && { png, at }
  world.events.publish('camera.changed', '', { something: png !== undefined })
  return { at }
}
