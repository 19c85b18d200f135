// Uses the page /publish as a person does, with Chromium's false camera and microphone.
//
// usage: node publish.cjs CHROMIUM EDGE APP CHANNEL TOKEN WATCHED PICTURES
// WATCHED: the ID of a user who publishes already. Prints one line of JSON: what the page said to a wrong token, the size of each
// picture that moves, how wide it is on a phone, what a reader misses in English and in Chinese, and what the browser complained of. On
// the way, the node seems to have forgotten what is published.
const path = require('node:path')
const { launch, run } = require('./chromium.cjs')

const AXE = require.resolve('axe-core/axe.min.js')
const PHONE = { width: 360, height: 740 }
const FLAGS = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--auto-accept-this-tab-capture',
  '--allow-loopback-in-peer-connection',
]

async function main([executablePath, edge, app, channel, token, watched, pictures]) {
  const browser = await launch(executablePath, FLAGS)
  try {
    const context = await browser.newContext({ locale: 'en-GB', permissions: ['camera', 'microphone'] })
    await context.addInitScript(keepConnections)
    const page = await context.newPage()
    const complaints = []
    page.on('pageerror', (error) => complaints.push(error.stack))
    await page.goto(`${edge}/publish?${new URLSearchParams({ app, channel, uid: 'page' })}#token=wrong`)
    const publish = page.getByRole('button', { name: 'Publish', exact: true })
    await publish.click()
    const refused = await page.getByRole('alert').filter({ hasText: /./ }).textContent()

    await page.getByLabel('Channel token').fill(token)
    await publish.click()
    await page.getByLabel('ID of the user to watch').fill(watched)
    await page.getByRole('button', { name: 'Watch' }).click()
    await page.getByText('Connected').nth(1).waitFor()
    const sizes = {}
    for (const list of ['own', 'others']) {
      const video = page.locator(`#${list} video`)
      await page.waitForFunction((video) => video.videoWidth > 0 && video.currentTime > 0.5, await video.elementHandle())
      sizes[list] = await video.evaluate(({ videoWidth, videoHeight }) => [videoWidth, videoHeight])
    }
    await page.locator('#others').getByText('kbit/s').waitFor()
    const english = await faults(page)
    await page.screenshot({ path: path.join(pictures, 'publish.png') })

    await beginsAgain(page)
    await page.getByRole('button', { name: '中文' }).click()
    await page.setViewportSize(PHONE)
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    const chinese = await faults(page)
    await page.screenshot({ path: path.join(pictures, 'publish-phone.png'), fullPage: true })

    // Until nothing is published or watched any more.
    const stop = page.getByRole('button', { name: '停止' })
    while (await stop.count()) {
      const before = await stop.count()
      await stop.first().click()
      await page.waitForFunction((before) => document.querySelectorAll('.tiles li').length < before, before)
    }
    console.log(JSON.stringify({ refused, sizes, width, faults: [...english, ...chinese], complaints }))
  } finally {
    await browser.close()
  }
}

function keepConnections() {
  window.connections = []
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...words) {
      super(...words)
      window.connections.push(this)
    }
  }
}

/** The connection is lost with a node that is killed, and back before the page asks for another one: it knows no session then. */
async function beginsAgain(page) {
  const sessions = '**/rtc/v1/sessions/**'
  await page.route(sessions, (route) => (route.request().method() === 'PATCH' ? route.fulfill({ status: 404 }) : route.continue()))
  const begun = page.waitForRequest((request) => request.method() === 'POST' && request.url().includes('/whip/'))
  await page.evaluate(() => {
    const isOwn = (pc) => pc.connectionState === 'connected' && pc.getSenders().some(({ track }) => track)
    const lost = window.connections.find(isOwn)
    Object.defineProperty(lost, 'connectionState', { get: () => 'disconnected' })
    lost.dispatchEvent(new Event('connectionstatechange'))
  })
  await begun
  await page.getByText('Connected').nth(1).waitFor()
  await page.unroute(sessions)
}

/** What axe finds that shuts a reader out. */
async function faults(page) {
  await page.evaluate(require('node:fs').readFileSync(AXE, 'utf8'))
  const { violations } = await page.evaluate(() => axe.run())
  const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
  return serious.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`))
}

run(main)
