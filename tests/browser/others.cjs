// Publishes and plays on a page with the libraries @eyevinn/whip-web-client and @eyevinn/webrtc-player as they come.
//
// usage: node others.cjs CHROMIUM WHIP WHEP
// Prints a line of JSON once the picture that is played moves and what is published is encoded: the size of the one, and the frames of
// the other.
const { createServer } = require('node:http')
const esbuild = require('esbuild')
const { launch, run } = require('./chromium.cjs')

const WITHIN_MS = 30_000
const FLAGS = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--allow-loopback-in-peer-connection']

const SCRIPT = `
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
  window.begin = async (whip, whep) => {
    window.client = new WHIPClient({ endpoint: whip, opts: {} })
    await client.ingest(await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 180 } }))
    window.player = new WebRTCPlayer({ video: document.querySelector('video'), type: 'whep' })
    await player.load(new URL(whep))
  }
  window.counted = async () => {
    const { videoWidth, videoHeight, currentTime } = document.querySelector('video')
    let published = 0
    for (const connection of connections) {
      for (const report of (await connection.getStats()).values()) {
        if (report.type === 'outbound-rtp' && report.kind === 'video') published += report.framesEncoded
      }
    }
    return { played: [videoWidth, videoHeight], seconds: currentTime, published }
  }
  window.end = () => Promise.all([client.destroy(), player.unload()])
`

async function main([executablePath, whip, whep]) {
  const built = await esbuild.build({
    stdin: { contents: SCRIPT, resolveDir: __dirname },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    define: { global: 'window', 'process.env.NODE_ENV': '"production"' },
    mainFields: ['browser', 'module', 'main'],
  })
  const page = `<!doctype html><title>Others</title><link rel="icon" href="data:,"><video muted autoplay playsinline></video>
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
    await page.evaluate(([whip, whep]) => begin(whip, whep), [whip, whep])
    const deadline = Date.now() + WITHIN_MS
    let counted
    do {
      counted = await page.evaluate(() => counted())
      if (Date.now() > deadline) throw new Error(JSON.stringify({ ...counted, complaints }))
      await new Promise((later) => setTimeout(later, 100))
    } while (!(counted.seconds > 0.5 && counted.published > 10))
    await page.evaluate(() => end())
    console.log(JSON.stringify({ ...counted, complaints }))
  } finally {
    await browser.close()
    server.close()
  }
}

run(main)
