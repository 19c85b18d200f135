// Watches a user on the page /publish through a change of the network.
//
// usage: node moving.cjs CHROMIUM EDGE APP CHANNEL WATCHED
// Prints a line of JSON once the picture moves. With each line of input the network is another one, and another line of JSON follows once
// the picture has moved on, with the states that the page told meanwhile; after the line `lost`, once the page has looked for its way
// and found it. Ends with its input.
const { createInterface } = require('node:readline')
const { launch, run } = require('./chromium.cjs')

const WITHIN_MS = 60_000

async function main([executablePath, edge, app, channel, watch]) {
  const browser = await launch(executablePath, ['--autoplay-policy=no-user-gesture-required'])
  try {
    const page = await browser.newPage()
    page.setDefaultTimeout(WITHIN_MS)
    await page.goto(`${edge}/publish?${new URLSearchParams({ app, channel, uid: 'page', watch })}`)
    const video = page.locator('#others video')
    const moves = async (beyond) =>
      page.waitForFunction(([video, beyond]) => video.currentTime > beyond, [await video.elementHandle(), beyond])
    await moves(0.5)
    await page.evaluate(() => {
      const state = document.querySelector('#others [role=status]')
      window.told = []
      new MutationObserver(() => told.push(state.dataset.word)).observe(state, { attributeFilter: ['data-word'] })
    })
    console.log(JSON.stringify({ plays: true }))
    for await (const line of createInterface({ input: process.stdin })) {
      if (line === 'lost') await page.waitForFunction(() => told.includes('reconnecting') && told.at(-1) === 'connected')
      await moves((await video.evaluate(({ currentTime }) => currentTime)) + 2)
      console.log(JSON.stringify({ told: await page.evaluate(() => told.splice(0)) }))
    }
  } finally {
    await browser.close()
    process.exit()
  }
}

run(main)
