// How the pages' tests start Chromium.
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
