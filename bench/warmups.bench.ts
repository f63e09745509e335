/**
 * Does a checkpoint start faster if it was made after more requests? Node's own HTTP server, checkpointed before its first
 * answer, after it, and after more of them.
 */
import { defineHandler, restoreSuite } from '../helpers/index.ts'

const page = 'http://127.0.0.1:8080/'

for (const warmups of [0, 1, 10, 100]) {
  restoreSuite({
    handler: defineHandler({
      name: `node-http-${warmups}`,
      command: [process.execPath, `${import.meta.dirname}/../fixtures/handlers/http-server.mjs`, '8080'],
      memory: '256MB',
      withoutIoUring: true,
      readOnly: true,
      ready: { socket: '127.0.0.1:8080' },
      warmups,
      trigger: { request: page },
      done: 'response',
    }),
    filesystems: ['tmpfs'],
    strategies: ['mapped'],
  })
}
