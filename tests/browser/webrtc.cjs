// Publishes by WHIP or plays by WHEP on a page of another origin, as a customer's own page does.
//
// usage: node webrtc.cjs CHROMIUM KIND URL PICTURES [CODEC]
// KIND: `flash`: a white flash and a beep of 1 kHz at each full second; `fake`: Chromium's false camera and microphone; `layers`: the
// same with pictures of two sizes at once; `play`.
// Prints {"connected": …} as a line of JSON once media flows, and at the end of its input what it counted, as another line.
const { createServer } = require('node:http')
const path = require('node:path')
const { launch, run } = require('./chromium.cjs')

const WITHIN_MS = 30_000

const FLAGS = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--allow-loopback-in-peer-connection',
  '--autoplay-policy=no-user-gesture-required',
]

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>WebRTC</title>
<link rel="icon" href="data:,">
<canvas id="canvas" width="320" height="180"></canvas>
<video id="video" playsinline></video>
<script>
  const video = document.getElementById('video')
  const pc = new RTCPeerConnection()
  /** How long after its full second each flash was drawn, in seconds: a busy machine is late. */
  const late = []
  let session

  async function negotiate(url) {
    await pc.setLocalDescription()
    const headers = { 'content-type': 'application/sdp' }
    const response = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp })
    if (response.status !== 201) throw new Error(response.status + ' ' + (await response.text()))
    session = new URL(response.headers.get('location'), url)
    if (!response.headers.get('etag')) throw new Error('no ETag')
    await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() })
  }

  function flashAndBeep() {
    const audio = new AudioContext({ sampleRate: 48000 })
    const destination = audio.createMediaStreamDestination()
    const [oscillator, gain] = [audio.createOscillator(), audio.createGain()]
    oscillator.frequency.value = 1000
    gain.gain.value = 0
    oscillator.connect(gain).connect(destination)
    oscillator.start()
    for (let second = 1; second < 600; second++) {
      gain.gain.setValueAtTime(0.5, second)
      gain.gain.setValueAtTime(0, second + 0.1)
    }
    const context = document.getElementById('canvas').getContext('2d')
    let wasWhite = false
    const draw = () => {
      const now = audio.currentTime
      const isWhite = now >= 1 && now % 1 < 0.1
      if (isWhite && !wasWhite) late.push(now % 1)
      wasWhite = isWhite
      context.fillStyle = isWhite ? 'white' : 'black'
      context.fillRect(0, 0, 320, 180)
      requestAnimationFrame(draw)
    }
    draw()
    const tracks = document.getElementById('canvas').captureStream(25).getTracks()
    return new MediaStream([...tracks, ...destination.stream.getTracks()])
  }

  async function publish(url, kind, codec) {
    const size = kind === 'layers' ? { width: 640, height: 360, frameRate: 25 } : { width: 320, height: 180, frameRate: 25 }
    const layers = [{ rid: 'f' }, { rid: 'q', scaleResolutionDownBy: 4 }]
    const stream = kind === 'flash' ? flashAndBeep() : await navigator.mediaDevices.getUserMedia({ audio: true, video: size })
    for (const track of stream.getTracks()) {
      const sendEncodings = kind === 'layers' && track.kind === 'video' ? layers : [{}]
      const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [stream], sendEncodings })
      if (codec && track.kind === 'video') {
        const { codecs } = RTCRtpReceiver.getCapabilities('video')
        const first = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === 'video/' + codec.toLowerCase())
        transceiver.setCodecPreferences([...first, ...codecs.filter((other) => !first.includes(other))])
      }
    }
    await negotiate(url)
  }

  async function play(url) {
    const stream = new MediaStream()
    pc.ontrack = ({ track }) => stream.addTrack(track)
    for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' })
    await negotiate(url)
    video.srcObject = stream
    await video.play()
  }

  /** What came or went, by kind. */
  async function counted() {
    const counts = {}
    for (const report of (await pc.getStats()).values()) {
      if (!['inbound-rtp', 'outbound-rtp'].includes(report.type)) continue
      const { packetsReceived, packetsSent, framesDecoded, framesEncoded, totalAudioEnergy, pliCount, keyFramesEncoded } = report
      counts[report.kind] = {
        packets: packetsReceived ?? packetsSent,
        frames: framesDecoded ?? framesEncoded,
        energy: totalAudioEnergy,
        asked: pliCount,
        keyFrames: keyFramesEncoded,
      }
    }
    return { ...counts, width: video.videoWidth, state: pc.connectionState }
  }

  const flows = async () => {
    const { audio, video } = await counted()
    return audio?.packets > 10 && video?.frames > 10
  }

  async function end() {
    const last = await counted()
    const ended = await fetch(session, { method: 'DELETE' })
    pc.close()
    return { ...last, late, ended: ended.status }
  }
</script>`

function serve(request, response) {
  response.writeHead(request.url === '/' ? 200 : 404, { 'content-type': 'text/html' })
  response.end(request.url === '/' ? PAGE : '')
}

async function main([executablePath, kind, url, pictures, codec]) {
  const server = createServer(serve)
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
  const browser = await launch(executablePath, FLAGS)
  const page = await browser.newPage()
  const told = []
  page.on('console', (message) => told.push(message.text()))
  page.on('pageerror', (error) => told.push(error.stack))
  try {
    await page.goto(`http://127.0.0.1:${server.address().port}/`)
    await page.evaluate(
      ([url, kind, codec]) => (kind === 'play' ? play(url) : publish(url, kind, codec)),
      [url, kind, codec],
    )
    const deadline = Date.now() + WITHIN_MS
    while (!(await page.evaluate(() => flows()))) {
      if (Date.now() > deadline) throw new Error('no media: ' + JSON.stringify(await page.evaluate(() => counted())))
      await new Promise((later) => setTimeout(later, 100))
    }
    console.log(JSON.stringify({ connected: await page.evaluate(() => counted()) }))
    process.stdin.resume()
    await new Promise((over) => process.stdin.on('end', over))
    await page.screenshot({ path: path.join(pictures, `webrtc-${kind}.png`) })
    console.log(JSON.stringify({ ...(await page.evaluate(() => end())), told }))
  } catch (error) {
    console.error(told.join('\n'))
    throw error
  } finally {
    await browser.close()
    server.close()
  }
}

run(main)
