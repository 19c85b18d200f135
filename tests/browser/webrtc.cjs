// Publishes by WHIP or plays by WHEP on a page of another origin, as a customer's own page does.
//
// usage: node webrtc.cjs CHROMIUM KIND URL PICTURES [CODEC]
// KIND: `flash`: a white flash and a beep of 1 kHz at each full second, or `flash,COLOUR,HERTZ`; `throttled`: the same where the page gets a quarter of the
// processor; `fake`: Chromium's false camera and microphone; `layers`: the same with pictures of two sizes at once; `sizes`: of three;
// `play`; `course`: what happens to a user's media in a call, of which URL and CODEC are lists, of which the others get a plain picture, in layers where
// the codec has a colon and a scalability mode behind it.
// Prints {"connected": …} as a line of JSON once media flows, and at the end of its input what it counted, as another line. The course
// begins with a line of input, and ends with a line that says what was offered.
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
    session = await begin(pc, url)
  }

  /** The address of the session that begins, whose answer may be changed on its way to the browser. */
  async function begin(pc, url, change = (answer) => answer) {
    await pc.setLocalDescription()
    const headers = { 'content-type': 'application/sdp' }
    const response = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp })
    if (response.status !== 201) throw new Error(response.status + ' ' + (await response.text()))
    if (!response.headers.get('etag')) throw new Error('no ETag')
    await pc.setRemoteDescription({ type: 'answer', sdp: change(await response.text()) })
    return new URL(response.headers.get('location'), url)
  }

  /** A picture of one colour, in which a point moves. */
  function picture(width, height, colour) {
    const canvas = document.createElement('canvas')
    Object.assign(canvas, { width, height })
    const context = canvas.getContext('2d')
    let at = 0
    setInterval(() => {
      context.fillStyle = colour
      context.fillRect(0, 0, width, height)
      context.fillStyle = 'white'
      context.fillRect((at = (at + 2) % width), 0, 2, 2)
    }, 40)
    return canvas.captureStream(25).getVideoTracks()[0]
  }

  /** A tone on the left, and another one on the right. */
  function tones() {
    const audio = new AudioContext({ sampleRate: 48000 })
    const [destination, merger] = [audio.createMediaStreamDestination(), audio.createChannelMerger(2)]
    destination.channelCount = 2
    for (const [channel, frequency] of [440, 880].entries()) {
      const [oscillator, gain] = [audio.createOscillator(), audio.createGain()]
      oscillator.frequency.value = frequency
      gain.gain.value = 0.4
      oscillator.connect(gain).connect(merger, 0, channel)
      oscillator.start()
    }
    merger.connect(destination)
    return destination.stream.getAudioTracks()[0]
  }

  function prefer(transceiver, codec) {
    const { codecs } = RTCRtpReceiver.getCapabilities('video')
    const first = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === 'video/' + codec.toLowerCase())
    transceiver.setCodecPreferences([...first, ...codecs.filter((other) => !first.includes(other))])
  }

  const seconds = (count) => new Promise((over) => setTimeout(over, count * 1000))
  const red = picture(320, 180, 'red')
  let senders = []
  let offered

  /** Publishes a picture without its sound, and others in other codecs. */
  async function attend(urls, codecs) {
    const transceivers = ['audio', 'video'].map((kind) => pc.addTransceiver(kind, { direction: 'sendonly' }))
    senders = transceivers.map(({ sender }) => sender)
    await senders[1].replaceTrack(red)
    const [own, ...otherUrls] = urls.split(',')
    const [codec, ...otherCodecs] = codecs.split(',')
    prefer(transceivers[1], codec)
    // Without a word in the answer, a browser sends sound in mono, and silence like sound.
    const change = (answer) => {
      offered = { fec: /ulpfec/.test(pc.localDescription.sdp), answered: /ulpfec|flexfec|[ ]red/.test(answer) }
      return answer.replace(/useinbandfec=1/, 'useinbandfec=1;usedtx=1;stereo=1')
    }
    session = await begin(pc, own, change)
    for (const [number, url] of otherUrls.entries()) {
      const other = new RTCPeerConnection()
      const [otherCodec, scalabilityMode] = otherCodecs[number].split(':')
      // Chromium makes no layers in space that are smaller than 240 × 135.
      const isSpatial = scalabilityMode && !scalabilityMode.startsWith('L1')
      const plain = isSpatial ? picture(640, 360, 'lime') : picture(320, 180, 'lime')
      const sendEncodings = [scalabilityMode ? { scalabilityMode } : {}]
      prefer(other.addTransceiver(plain, { direction: 'sendonly', sendEncodings }), otherCodec)
      await begin(other, url)
    }
  }

  /** Begins the connection anew, as in another network (RFC 9725, 4.3.3). The answer says whether it has other credentials. */
  async function restart() {
    const credentials = (sdp) => ['a=ice-ufrag:', 'a=ice-pwd:'].map((name) => sdp.match(new RegExp('^' + name + '.*$', 'm'))[0])
    const before = credentials(pc.remoteDescription.sdp)
    pc.restartIce()
    await pc.setLocalDescription()
    const headers = { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' }
    const response = await fetch(session, { method: 'PATCH', headers, body: credentials(pc.localDescription.sdp).join('\\r\\n') + '\\r\\n' })
    if (response.status !== 200) throw new Error(response.status + ' ' + (await response.text()))
    const after = credentials(await response.text())
    const sdp = before.reduce((sdp, line, index) => sdp.replaceAll(line, after[index]), pc.remoteDescription.sdp)
    await pc.setRemoteDescription({ type: 'answer', sdp })
    return before.every((line, index) => line !== after[index])
  }

  /** Late sound, muted and not, a screen in place of the camera, nothing in its place, the camera again, and smaller. */
  async function course() {
    const [audio, video] = senders
    const sound = tones()
    await seconds(2)
    await audio.replaceTrack(sound)
    await seconds(2)
    red.enabled = sound.enabled = false
    await seconds(2)
    red.enabled = sound.enabled = true
    await seconds(2)
    await video.replaceTrack(picture(640, 360, 'blue'))
    await seconds(2)
    await video.replaceTrack(null)
    await seconds(2)
    await video.replaceTrack(red)
    await seconds(2)
    const restarted = await restart()
    const parameters = video.getParameters()
    parameters.encodings[0].scaleResolutionDownBy = 2
    await video.setParameters(parameters)
    await seconds(3)
    return { offered, restarted }
  }

  function flashAndBeep(colour, hertz) {
    const audio = new AudioContext({ sampleRate: 48000 })
    const destination = audio.createMediaStreamDestination()
    const [oscillator, gain] = [audio.createOscillator(), audio.createGain()]
    oscillator.frequency.value = hertz
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
      context.fillStyle = isWhite ? 'white' : colour
      context.fillRect(0, 0, 320, 180)
      requestAnimationFrame(draw)
    }
    draw()
    const tracks = document.getElementById('canvas').captureStream(25).getTracks()
    return new MediaStream([...tracks, ...destination.stream.getTracks()])
  }

  async function publish(url, given, codec) {
    const [kind, colour = 'black', hertz = 1000] = given.split(',')
    const isLayered = ['layers', 'sizes'].includes(kind)
    const size = isLayered ? { width: 640, height: 360, frameRate: 25 } : { width: 320, height: 180, frameRate: 25 }
    // The smallest of three first: a browser whose network is narrow leaves out the last.
    const layers =
      kind === 'sizes'
        ? [{ rid: 'q', scaleResolutionDownBy: 4 }, { rid: 'h', scaleResolutionDownBy: 2 }, { rid: 'f' }]
        : [{ rid: 'f' }, { rid: 'q', scaleResolutionDownBy: 4 }]
    const stream = ['flash', 'throttled'].includes(kind) ? flashAndBeep(colour, Number(hertz)) : await navigator.mediaDevices.getUserMedia({ audio: true, video: size })
    for (const track of stream.getTracks()) {
      const sendEncodings = isLayered && track.kind === 'video' ? layers : [{}]
      const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [stream], sendEncodings })
      if (codec && track.kind === 'video') prefer(transceiver, codec)
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
      // Each size is counted by itself.
      const { packets = 0, frames = 0 } = counts[report.kind] ?? {}
      counts[report.kind] = {
        packets: packets + (packetsReceived ?? packetsSent ?? 0),
        frames: frames + (framesDecoded ?? framesEncoded ?? 0),
        energy: totalAudioEnergy,
        asked: pliCount,
        keyFrames: keyFramesEncoded,
      }
    }
    return { ...counts, width: video.videoWidth, state: pc.connectionState }
  }

  const flows = async (kind) => {
    const { audio, video } = await counted()
    return (kind === 'course' || audio?.packets > 10) && video?.frames > 10
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
      ([url, kind, codec]) => (kind === 'play' ? play(url) : kind === 'course' ? attend(url, codec) : publish(url, kind, codec)),
      [url, kind, codec],
    )
    const deadline = Date.now() + WITHIN_MS
    while (!(await page.evaluate((kind) => flows(kind), kind))) {
      if (Date.now() > deadline) throw new Error('no media: ' + JSON.stringify(await page.evaluate(() => counted())))
      await new Promise((later) => setTimeout(later, 100))
    }
    if (kind === 'throttled') {
      const devtools = await page.context().newCDPSession(page)
      await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 })
    }
    console.log(JSON.stringify({ connected: await page.evaluate(() => counted()) }))
    const over = new Promise((over) => process.stdin.on('end', over))
    if (kind === 'course') {
      await new Promise((said) => process.stdin.once('data', said))
      console.log(JSON.stringify(await page.evaluate(() => course())))
    }
    process.stdin.resume()
    await over
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
