// How the pages' tests start Chromium, and how they end.
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
