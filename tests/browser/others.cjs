// Publishes and plays on a page with the libraries @eyevinn/whip-web-client and @eyevinn/webrtc-player as they come.
//
// usage: node others.cjs CHROMIUM WHIP WHEP…
// Each of the streams is played by the library, and by a page of a few lines. Prints a line of JSON once all pictures move and what is
// published is encoded: of each player the size and the milliseconds until the first picture, and the frames that are published.
const { createServer } = require('node:http')
const esbuild = require('esbuild')
const { launch, run } = require('./chromium.cjs')

const WITHIN_MS = 30_000
const FLAGS = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--allow-loopback-in-peer-connection']

/** Far longer than a first picture takes. */
const PICTURE_WITHIN_MS = 20_000

const SCRIPT = `
  const PICTURE_WITHIN_MS = ${PICTURE_WITHIN_MS}
  import { WHIPClient } from '@eyevinn/whip-web-client'
  import { WebRTCPlayer } from '@eyevinn/webrtc-player'

  const connections = []
  const Own = RTCPeerConnection
  window.RTCPeerConnection = class extends Own {
    constructor(...settings) {
      super(...settings)
      connections.push(this)
    }
  }
  const players = []
  const shown = (video) => new Promise((seen) => video.requestVideoFrameCallback(seen))

  async function play(kind, url, begin) {
    const video = document.body.appendChild(document.createElement('video'))
    Object.assign(video, { muted: true, autoplay: true, playsInline: true })
    const began = performance.now()
    const first = shown(video)
    const end = await begin(video, url)
    const late = new Promise((_, fail) => setTimeout(() => fail(new Error('no picture of ' + url)), PICTURE_WITHIN_MS))
    await Promise.race([first, late])
    players.push({ kind, url, video, end, firstMs: Math.round(performance.now() - began) })
  }

  async function byLibrary(video, url) {
    const player = new WebRTCPlayer({ video, type: 'whep' })
    await player.load(new URL(url))
    return () => player.unload()
  }

  async function byHand(video, url) {
    const pc = new RTCPeerConnection()
    const stream = new MediaStream()
    pc.ontrack = ({ track }) => stream.addTrack(track)
    for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' })
    video.srcObject = stream
    await pc.setLocalDescription()
    const headers = { 'content-type': 'application/sdp' }
    const response = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp })
    const session = new URL(response.headers.get('location'), url)
    await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() })
    return async () => {
      await fetch(session, { method: 'DELETE' })
      pc.close()
    }
  }

  window.begin = async (whip, wheps) => {
    window.client = new WHIPClient({ endpoint: whip, opts: {} })
    await client.ingest(await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 180 } }))
    // It may be among those that are watched.
    while (connections[0].connectionState !== 'connected') await new Promise((later) => setTimeout(later, 20))
    for (const url of wheps) {
      await play('library', url, byLibrary)
      await play('page', url, byHand)
    }
  }
  window.counted = async () => {
    let published = 0
    for (const connection of connections) {
      for (const report of (await connection.getStats()).values()) {
        if (report.type === 'outbound-rtp' && report.kind === 'video') published += report.framesEncoded
      }
    }
    const played = players.map(({ kind, url, video, firstMs }) => {
      const { videoWidth, videoHeight, currentTime } = video
      return { kind, url: new URL(url).pathname, size: [videoWidth, videoHeight], seconds: currentTime, firstMs }
    })
    return { played, published }
  }
  window.end = () => Promise.all([client.destroy(), ...players.map(({ end }) => end())])
`

async function main([executablePath, whip, ...wheps]) {
  const built = await esbuild.build({
    stdin: { contents: SCRIPT, resolveDir: __dirname },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    define: { global: 'window', 'process.env.NODE_ENV': '"production"' },
    mainFields: ['browser', 'module', 'main'],
  })
  const page = `<!doctype html><title>Others</title><link rel="icon" href="data:,"><body>
    <script>${built.outputFiles[0].text.replaceAll('</script', '<\\/script')}</script>`
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    response.end(page)
  })
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const browser = await launch(executablePath, FLAGS)
  try {
    const page = await browser.newPage()
    const complaints = []
    page.on('pageerror', (error) => complaints.push(error.stack))
    await page.goto(`http://127.0.0.1:${server.address().port}/`)
    await page.evaluate(([whip, wheps]) => begin(whip, wheps), [whip, wheps])
    const deadline = Date.now() + WITHIN_MS
    let counted
    do {
      counted = await page.evaluate(() => counted())
      if (Date.now() > deadline) throw new Error(JSON.stringify({ ...counted, complaints }))
      await new Promise((later) => setTimeout(later, 100))
    } while (!(counted.played.every(({ seconds }) => seconds > 0.5) && counted.published > 10))
    await page.evaluate(() => end())
    console.log(JSON.stringify({ ...counted, complaints }))
  } finally {
    await browser.close()
    server.close()
  }
}

run(main)
