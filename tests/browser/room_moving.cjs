// Is in a room through changes of the network: a page of a customer's with two peers, one of whom sees and hears the other.
//
// usage: node room_moving.cjs CHROMIUM EDGE URL
// URL: of the room, for a client; `liubei` and `guanyu` may enter it. Prints a line of JSON when the one is seen and heard by the other.
// With each line of input their network has changed, and another line of JSON says, once it is seen and heard again: the longest time
// without a picture since the line before, and how their packets go; after the line `lost`, once both have looked for their way and
// found it. With the line `join ID`, somebody
// else enters, and is told of when they see and hear liubei. Ends with its input.
const { createServer } = require('node:http')
const { createInterface } = require('node:readline')
const { launch, run } = require('./chromium.cjs')

const WITHIN_MS = 60_000

const PAGE = (edge) => `<!doctype html>
<meta charset="utf-8">
<title>A customer's page</title>
<link rel="icon" href="data:,">
<script type="module">
  import { connect } from '${edge}/room/client.js'

  const viewers = new Map()

  globalThis.enter = async (url, peerId) => {
    const began = performance.now()
    const room = await connect(url, { peerId })
    const viewer = { room, states: [], pictures: [], began, streams: new Map() }
    viewers.set(peerId, viewer)
    room.on('state', ({ media }) => viewer.states.push(media))
    room.on('track', (track) => {
      const element = document.createElement(track.kind)
      track.attach(element)
      document.body.append(element)
      if (track.kind === 'audio') return (viewer.sound = track)
      viewer.picture = track
      const shown = () => {
        viewer.pictures.push(performance.now())
        element.requestVideoFrameCallback(shown)
      }
      element.requestVideoFrameCallback(shown)
    })
    return viewer
  }

  globalThis.publish = async (url, peerId) => {
    const { room } = await enter(url, peerId)
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 })
    const context = canvas.getContext('2d')
    let number = 0
    setInterval(() => {
      context.fillStyle = number++ % 2 ? 'red' : 'maroon'
      context.fillRect(0, 0, 320, 180)
    }, 66)
    const audio = new AudioContext()
    const destination = audio.createMediaStreamDestination()
    const oscillator = audio.createOscillator()
    oscillator.connect(destination)
    oscillator.start()
    await room.publish(new MediaStream([...canvas.captureStream(15).getTracks(), ...destination.stream.getTracks()]))
  }

  const inbound = async ({ room }, track) => {
    const report = (await room.statistics(track.trackId)) ?? new Map()
    const all = [...report.values()]
    const stream = all.find(({ type }) => type === 'inbound-rtp')
    const pair = report.get(report.get(stream?.transportId)?.selectedCandidatePairId)
    return { received: stream?.packetsReceived ?? 0, way: report.get(pair?.localCandidateId)?.protocol }
  }

  /** Once they have had pictures and sound for a second and more. */
  globalThis.comes = async (peerId) => {
    const viewer = viewers.get(peerId)
    if (!viewer.picture || !viewer.sound) return false
    const count = viewer.pictures.length
    const before = await inbound(viewer, viewer.sound)
    await new Promise((passed) => setTimeout(passed, 1_000))
    const after = await inbound(viewer, viewer.sound)
    return viewer.pictures.length - count > 5 && after.received - before.received > 20
  }

  globalThis.found = (peerId) => {
    const { states } = viewers.get(peerId)
    return states.includes('reconnecting') && states.at(-1) === 'connected'
  }

  globalThis.told = async (peerId) => {
    const viewer = viewers.get(peerId)
    const { way } = await inbound(viewer, viewer.picture)
    const times = viewer.pictures.splice(0)
    viewer.pictures.push(times.at(-1))
    viewer.states.length = 0
    const pauses = times.slice(1).map((time, index) => time - times[index])
    return { pause_ms: Math.max(...pauses), first_ms: times[0] - viewer.began, way }
  }

  globalThis.forget = (peerId) => (viewers.get(peerId).states.length = 0)
  globalThis.ready = true
</script>`

async function main([executablePath, edge, url]) {
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(PAGE(edge)))
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const browser = await launch(executablePath, ['--autoplay-policy=no-user-gesture-required'])
  try {
    const page = await browser.newPage()
    page.setDefaultTimeout(WITHIN_MS)
    page.on('pageerror', (error) => console.error(error))
    await page.goto(`http://127.0.0.1:${server.address().port}/`)
    await page.waitForFunction(() => globalThis.ready)
    const is = async (what, peerId) => {
      const began = Date.now()
      while (!(await page.evaluate(([what, peerId]) => globalThis[what](peerId), [what, peerId]))) {
        if (Date.now() - began > WITHIN_MS) throw new Error(`${peerId}: not ${what} in time`)
        await new Promise((passed) => setTimeout(passed, 100))
      }
    }
    await page.evaluate((url) => publish(url, 'liubei'), url)
    await page.evaluate((url) => enter(url, 'guanyu').then(() => {}), url)
    await is('comes', 'guanyu')
    const tell = async (peerId) => console.log(JSON.stringify(await page.evaluate((peerId) => told(peerId), peerId)))
    await tell('guanyu')
    await page.evaluate(() => forget('liubei'))
    for await (const line of createInterface({ input: process.stdin })) {
      const [, other] = line.split(' ')
      if (other) await page.evaluate(([url, peerId]) => enter(url, peerId).then(() => {}), [url, other])
      else if (line === 'lost') for (const peerId of ['liubei', 'guanyu']) await is('found', peerId)
      await is('comes', other ?? 'guanyu')
      await tell(other ?? 'guanyu')
      await page.evaluate(() => forget('liubei'))
    }
  } finally {
    await browser.close()
    process.exit()
  }
}

run(main)
