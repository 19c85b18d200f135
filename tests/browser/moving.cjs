// Watches a user on the page /publish through a change of the network.
//
// usage: node moving.cjs CHROMIUM EDGE APP CHANNEL WATCHED
// Prints a line of JSON once the picture moves. With each line of input the network is another one, and another line of JSON follows once
// the picture has moved on, with the states that the page told meanwhile; after the line `lost`, once the page has looked for its way
// and found it. After the line `sound` the next one follows once the sound has come for some seconds without another picture, and after
// `picture` once there are pictures again. Ends with its input.
const { createInterface } = require('node:readline')
const { launch, run } = require('./chromium.cjs')

const WITHIN_MS = 60_000
/** For so long the sound comes alone. */
const ALONE_MS = 4_000

async function main([executablePath, edge, app, channel, watch]) {
  const browser = await launch(executablePath, ['--autoplay-policy=no-user-gesture-required'])
  try {
    const page = await browser.newPage()
    page.setDefaultTimeout(WITHIN_MS)
    await page.addInitScript(() => {
      const Own = RTCPeerConnection
      window.RTCPeerConnection = class extends Own {
        constructor(...given) {
          super(...given)
          window.connection = this
        }
      }
    })
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
    /** Pictures so far, and seconds of sound that came and were not made up. */
    const played = () =>
      page.evaluate(async () => {
        const reports = [...(await connection.getStats()).values()].filter(({ type }) => type === 'inbound-rtp')
        const of = (kind) => reports.find((report) => report.kind === kind) ?? {}
        const sound = of('audio')
        return { pictures: of('video').framesDecoded, seconds: (sound.totalSamplesReceived - sound.concealedSamples) / 48_000 }
      })
    /** Whether there is sound and no picture, or are pictures, within a while. */
    const plays = async (alone) => {
      for (const deadline = Date.now() + WITHIN_MS; Date.now() < deadline; ) {
        const before = await played()
        await page.waitForTimeout(ALONE_MS)
        const after = await played()
        const [pictures, seconds] = [after.pictures - before.pictures, after.seconds - before.seconds]
        if (alone ? pictures === 0 && seconds * 1000 > ALONE_MS / 2 : pictures > 10) return { pictures, seconds }
      }
      throw new Error('not within ' + WITHIN_MS + ' ms')
    }
    for await (const line of createInterface({ input: process.stdin })) {
      if (line === 'sound' || line === 'picture') {
        console.log(JSON.stringify({ [line]: await plays(line === 'sound') }))
        continue
      }
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
