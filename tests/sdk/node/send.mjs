// Sends what it is told through the unmodified SDK, then says which messages the SDK gave up.
//   node send.mjs FOLDER_OF_NODE_MODULES '{"settings": {...}, "calls": [["track", {...}], ...]}'
import { createRequire } from 'node:module'

const [folder, told] = process.argv.slice(2)
const { Analytics } = createRequire(`${folder}/package.json`)('@segment/analytics-node')
const { settings, calls } = JSON.parse(told)

const failed = []
const analytics = new Analytics(settings)
analytics.on('error', (error) => failed.push(String(error.reason ?? error.code)))
for (const [call, message] of calls) analytics[call](message)
await analytics.closeAndFlush({ timeout: 60_000 })
console.log(JSON.stringify({ failed }))
