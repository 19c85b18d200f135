// Looks at the pages /, /publish and /docs as they come, light and dark: both parts of /docs, with calls opened.
//
// usage: node pages.cjs CHROMIUM EDGE PICTURES
// Prints a list as one line of JSON: of each view its name, its serious faults for readers (axe's findings), what the browser
// complained of, whether its background is dark, the calls it shows, and where its links lead. PICTURES: a directory for pictures.
const path = require('node:path')
const { launch, run } = require('./chromium.cjs')

const AXE = require.resolve('axe-core/axe.min.js')
const VIEWS = {
  start: { path: '/' },
  customer: { path: '/docs', opened: ['Recording-acquire', 'Recording-start', 'Recording-query'] },
  publish: { path: '/publish' },
  operator: { path: '/docs#/Apps/createApp', opened: ['Apps-createApp', 'Apps-listApps'] },
}

async function main([executablePath, edge, pictures]) {
  const browser = await launch(executablePath)
  try {
    const seen = []
    for (const colorScheme of ['light', 'dark']) {
      for (const [name, view] of Object.entries(VIEWS)) {
        const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 1000 } })
        const page = await context.newPage()
        seen.push({ name: `${name}-${colorScheme}`, ...(await look(page, edge, view)) })
        await page.screenshot({ path: path.join(pictures, `${name}-${colorScheme}.png`) })
        await context.close()
      }
    }
    console.log(JSON.stringify(seen))
  } finally {
    await browser.close()
  }
}

async function look(page, edge, view) {
  const complaints = []
  page.on('pageerror', (error) => complaints.push(error.stack))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  await page.goto(edge + view.path)
  for (const name of view.opened ?? []) await open(page.locator(`#operations-${name}`))
  await page.evaluate(require('node:fs').readFileSync(AXE, 'utf8'))
  const { violations } = await page.evaluate(() => axe.run())
  const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
  const faults = serious.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`))
  const shown = await page.evaluate(() => ({
    background: getComputedStyle(document.documentElement).backgroundColor,
    calls: [...document.querySelectorAll('.opblock-summary-path')].map((path) => path.dataset.path),
    links: [...document.querySelectorAll('main a')].map((link) => link.getAttribute('href')),
  }))
  return { faults, complaints, ...shown, isDark: isDark(shown.background) }
}

/** Of a colour as `rgb(18, 18, 18)`; one with a fourth number is the window's white that shines through. */
function isDark(colour) {
  const numbers = colour.match(/[\d.]+/g).map(Number)
  return numbers.length === 3 && Math.max(...numbers) < 64
}

async function open(call) {
  await call.waitFor()
  const body = call.locator('.opblock-body')
  if (!(await body.isVisible())) await call.locator('.opblock-summary-control').click()
  await body.waitFor()
}

run(main)
