// Meets others in a room: two pages of another origin by the client that the edge serves, as a customer's own pages do, and one person
// on the page /room. Each of the two pages sends a colour and a tone.
//
// usage: node room.cjs CHROMIUM EDGE URL CODE OTHER PICTURES
// URL: of the room, for a client. OTHER: a peer who publishes green and 1320 Hz by other means. Prints a line of JSON when everything
// has been seen and heard, and at the end of its input, when all have left, another one.
const { createServer } = require('node:http')
const path = require('node:path')
const { launch, run } = require('./chromium.cjs')

const AXE = require.resolve('axe-core/axe.min.js')
const WITHIN_MS = 30_000
const PHONE = { width: 360, height: 740 }
const FLAGS = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection',
  '--autoplay-policy=no-user-gesture-required',
]

const PAGE = (edge) => `<!doctype html>
<meta charset="utf-8">
<title>A customer's page</title>
<link rel="icon" href="data:,">
<script type="module">
  import { connect } from '${edge}/room/client.js'

  const audio = new AudioContext({ sampleRate: 48000 })
  const shown = new Map()
  const sockets = []
  globalThis.WebSocket = class extends WebSocket {
    constructor(url) {
      super(url)
      sockets.push(this)
    }
  }
  /** The stream of each track that is received, as the browser says. */
  const streams = new Map()
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...settings) {
      super(...settings)
      this.addEventListener('track', ({ track, streams: [stream] }) => streams.set(track.id, stream?.id))
    }
  }
  globalThis.isPair = (peerId) => {
    const media = [...room.tracks.values()].filter((track) => track.peerId === peerId && track.source !== 'screen')
    const [one, other] = media.map((track) => streams.get(track.media?.id))
    return one !== undefined && one === other
  }
  Object.assign(globalThis, { states: [], messages: [], turned: [], refused: (url, peerId) => connect(url, { peerId }).then(() => 'none', (error) => error.reason) })

  function stream(colour, frequency) {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 })
    const context = canvas.getContext('2d')
    const draw = () => {
      context.fillStyle = colour
      context.fillRect(0, 0, 320, 180)
      setTimeout(draw, 66)
    }
    draw()
    const destination = audio.createMediaStreamDestination()
    const oscillator = audio.createOscillator()
    oscillator.frequency.value = frequency
    // As loud together as a mix can be.
    const gain = audio.createGain()
    gain.gain.value = 0.2
    oscillator.connect(gain).connect(destination)
    oscillator.start()
    return new MediaStream([...canvas.captureStream(15).getTracks(), ...destination.stream.getTracks()])
  }

  globalThis.attend = async (url, peerId) => {
    const room = await connect(url, { peerId })
    globalThis.room = room
    room.on('state', ({ signalling }) => states.at(-1) !== signalling && states.push(signalling))
    room.on('message', (message) => messages.push(message))
    room.on('track', (track) => {
      track.on('on', (on) => turned.push([track.peerId, track.kind, on]))
      const element = document.createElement(track.kind)
      element.style = 'width: 320px; height: 180px'
      track.attach(element)
      document.body.append(element)
      const seen = shown.get(track.peerId) ?? {}
      shown.set(track.peerId, seen)
      if (track.kind === 'video') seen.video = element
      else track.on('media', (media) => {
        seen.ear = media && audio.createAnalyser()
        if (!media) return
        seen.ear.fftSize = 4096
        audio.createMediaStreamSource(new MediaStream([media])).connect(seen.ear)
      })
    })
  }

  globalThis.enter = async (url, peerId, colour, frequency) => {
    await attend(url, peerId)
    globalThis.published = await room.publish(stream(colour, frequency), { simulcast: true })
  }

  const canvas = (size) => Object.assign(document.createElement('canvas'), { width: size, height: size })
  const [small, larger] = [1, 16].map((size) => canvas(size).getContext('2d', { willReadFrequently: true }))

  function colour(video) {
    small.fillRect(0, 0, 1, 1)
    if (video?.videoWidth) small.drawImage(video, 0, 0, 1, 1)
    return named(small.getImageData(0, 0, 1, 1).data)
  }

  /** The colours that are in any one picture. */
  globalThis.together = () => [...shown.values()].map(({ video }) => {
    larger.fillRect(0, 0, 16, 16)
    if (video?.videoWidth) larger.drawImage(video, 0, 0, 16, 16)
    const { data } = larger.getImageData(0, 0, 16, 16)
    const colours = Array.from({ length: 256 }, (_, point) => named(data.subarray(4 * point, 4 * point + 3)))
    return [...new Set(colours)]
  })

  function named([red, green, blue]) {
    return (red > 110 ? 'red' : '') + (green > 70 && red < 110 ? 'green' : '') + (blue > 110 ? 'blue' : '')
  }

  function tone(ear) {
    if (!ear) return 0
    const levels = new Float32Array(ear.frequencyBinCount)
    ear.getFloatFrequencyData(levels)
    const loudest = levels.reduce((best, level, bin) => (level > levels[best] ? bin : best), 0)
    return levels[loudest] > -60 ? (loudest * 48000) / ear.fftSize : 0
  }

  globalThis.seen = (peerId) => [colour(shown.get(peerId)?.video), tone(shown.get(peerId)?.ear)]
  globalThis.sees = (peerId, wanted, frequency) => {
    const [colour, tone] = seen(peerId)
    return colour === wanted && Math.abs(tone - frequency) < 20
  }
  globalThis.breaks = () => sockets.at(-1).close()
  globalThis.ready = true
</script>`

async function main([executablePath, edge, url, code, other, pictures]) {
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end(PAGE(edge)))
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const browser = await launch(executablePath, FLAGS)
  const complaints = []
  const open = async (address, options = {}) => {
    const context = await browser.newContext({ locale: 'en-GB', ...options })
    const page = await context.newPage()
    page.setDefaultTimeout(WITHIN_MS)
    await page.addInitScript(screen)
    page.on('pageerror', (error) => complaints.push(error.stack))
    await page.goto(address)
    return page
  }
  const customers = async () => {
    const page = await open(`http://127.0.0.1:${server.address().port}/`)
    await page.waitForFunction(() => globalThis.ready)
    return page
  }
  const until = (page, what, argument) => page.waitForFunction(what, argument, { timeout: WITHIN_MS })
  let pages = []
  try {
    if (code === 'watch') {
      const [page] = (pages = [await customers()])
      await page.evaluate(([url, peer]) => attend(url, peer), [url, other])
      const all = ['red', 'green', 'blue']
      await until(page, (all) => together().some((colours) => all.every((colour) => colours.includes(colour))), all)
      console.log(JSON.stringify({ colours: all, complaints }))
      return
    }
    const [one, two] = (pages = [await customers(), await customers()])
    const refused = { stranger: await one.evaluate((url) => refused(url, 'stranger'), url) }
    await one.evaluate((url) => enter(url, 'liubei', 'red', 440), url)
    await two.evaluate((url) => enter(url, 'guanyu', 'blue', 880), url)
    refused.again = await two.evaluate((url) => refused(url, 'liubei'), url)
    const expected = [[one, 'guanyu', 'blue', 880], [two, 'liubei', 'red', 440], ...[one, two].map((page) => [page, other, 'green', 1320])]
    for (const [page, ...seen] of expected) await until(page, ([peerId, colour, tone]) => sees(peerId, colour, tone), seen)
    const pairs = await Promise.all(expected.map(([page, peerId]) => page.evaluate((peerId) => isPair(peerId), peerId)))

    await one.evaluate(() => room.send({ hello: 'all' }))
    await until(two, () => messages.some(({ from, data }) => from === 'liubei' && data.hello === 'all'))
    await one.evaluate(() => published.mute(true, 'audio'))
    await until(two, () => turned.some(([peerId, kind, on]) => peerId === 'liubei' && kind === 'audio' && !on))
    await until(two, () => seen('liubei')[1] === 0)
    await one.evaluate(() => published.unmute('audio'))
    await until(two, () => sees('liubei', 'red', 440))

    // The line to the room breaks: messages wait, and media does not.
    await one.evaluate(() => breaks())
    await two.evaluate(() => room.send('meanwhile', ['liubei']))
    await until(one, () => messages.some(({ data }) => data === 'meanwhile'))
    const states = await one.evaluate(() => states)
    await until(two, () => sees('liubei', 'red', 440))

    const person = await open(`${edge}/room?${new URLSearchParams({ code, name: 'zhaoyun' })}`, { permissions: ['camera', 'microphone'] })
    pages.push(person)
    await person.getByRole('button', { name: 'Join' }).click()
    await until(person, () => document.querySelectorAll('#tiles li:not(.dark)').length === 4)
    await person.getByText('Connected', { exact: true }).waitFor()
    await person.getByLabel('Message').fill('Good evening')
    await person.getByRole('button', { name: 'Send' }).click()
    await until(one, () => messages.some(({ from, data }) => from === 'zhaoyun' && data === 'Good evening'))
    await one.evaluate(() => room.send('And to you'))
    await person.getByText('liubei: And to you').waitFor()
    const hasScreen = () => [...room.tracks.values()].some(({ peerId, source, media }) => peerId === 'zhaoyun' && source === 'screen' && media)
    await person.getByRole('button', { name: 'Share the screen' }).click()
    await until(one, hasScreen)
    await person.getByRole('button', { name: 'Camera' }).click()
    await until(one, () => turned.some(([peerId, kind, on]) => peerId === 'zhaoyun' && kind === 'video' && !on))
    const faults = await look(person)
    await person.screenshot({ path: path.join(pictures, 'room.png') })
    await person.getByRole('button', { name: 'Share the screen' }).click()
    await until(one, () => ![...room.tracks.values()].some(({ source }) => source === 'screen'))
    await person.getByRole('button', { name: '中文' }).click()
    await person.setViewportSize(PHONE)
    const width = await person.evaluate(() => document.documentElement.scrollWidth)
    faults.push(...(await look(person)))
    await person.screenshot({ path: path.join(pictures, 'room-phone.png'), fullPage: true })
    console.log(JSON.stringify({ refused, pairs, states, width, faults }))

    await new Promise((ended) => process.stdin.on('end', ended).resume())
    await person.getByRole('button', { name: '离开' }).click()
    await person.getByText('你已离开房间').waitFor()
    await until(one, () => !room.peers.has('zhaoyun'))
    for (const page of [one, two]) await page.evaluate(() => room.leave())
    console.log(JSON.stringify({ states: await one.evaluate(() => states), complaints }))
  } catch (error) {
    for (const [index, page] of pages.entries()) {
      await page.screenshot({ path: path.join(pictures, `room-failed-${index}.png`) })
      const told = await page.evaluate((peers) => JSON.stringify([globalThis.states, globalThis.messages, globalThis.room?.state, peers.map((peer) => globalThis.seen?.(peer))]), ['liubei', 'guanyu', other])
      console.error(index, told, complaints)
    }
    throw error
  } finally {
    await browser.close()
    server.close()
  }
}

/** In a page: a screen that is small enough for a machine which does much else. */
function screen() {
  if (!navigator.mediaDevices) return
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 })
    const context = canvas.getContext('2d')
    const draw = () => {
      context.fillStyle = 'white'
      context.fillRect(0, 0, 320, 180)
      setTimeout(draw, 200)
    }
    draw()
    return canvas.captureStream(5)
  }
}

/** What a reader misses. */
async function look(page) {
  await page.evaluate(require('node:fs').readFileSync(AXE, 'utf8'))
  const { violations } = await page.evaluate(() => axe.run())
  const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
  return serious.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`))
}

run(main)
