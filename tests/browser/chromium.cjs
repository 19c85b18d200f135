// How the pages' tests start Chromium, and how they end.
const { createServer } = require('node:http')
const { readFileSync } = require('node:fs')
const { chromium } = require('playwright-core')

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

exports.launch = (executablePath, more = []) => chromium.launch({ executablePath, args: [...FLAGS, ...more] })

// Runs a test by its command line; what goes wrong is shown.
exports.run = (main) =>
  main(process.argv.slice(2)).catch((error) => {
    console.error(error)
    process.exitCode = 1
  })

// A server of one page, with hls.js beside it.
exports.servePlayer = async (page) => {
  const files = {
    '/': ['text/html', Buffer.from(page)],
    '/hls.js': ['text/javascript', readFileSync(require.resolve('hls.js/dist/hls.min.js'))],
  }
  const server = createServer((request, response) => {
    const [type, body] = files[request.url] ?? []
    response.writeHead(body ? 200 : 404, { 'content-type': type ?? 'text/plain' })
    response.end(body)
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  return server
}
