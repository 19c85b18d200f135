// Publishes by WHIP as browsers do, with node-datachannel, until its input ends: H.264 and Opus that FFmpeg makes.
//
// usage: node whip.cjs URL INPUT…    INPUT: FFmpeg's options for what is published, such as -re -i FILE
const { spawn } = require('node:child_process')
const { createSocket } = require('node:dgram')
const { Audio, PeerConnection, Video } = require('node-datachannel')

const H264 = '-c:v libx264 -profile:v baseline -preset ultrafast -tune zerolatency -g 25 -pix_fmt yuv420p -an'
const MEDIA = {
  video: { ssrc: 1001, type: 96, coding: H264.split(' ') },
  audio: { ssrc: 1002, type: 111, coding: '-c:a libopus -ac 2 -vn'.split(' ') },
}

async function main([url, ...input]) {
  const pc = new PeerConnection('publisher', { iceServers: [], disableAutoNegotiation: true })
  const video = new Video('0', 'SendOnly')
  video.addH264Codec(MEDIA.video.type, 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1')
  const audio = new Audio('1', 'SendOnly')
  audio.addOpusCodec(MEDIA.audio.type)
  for (const [kind, description] of Object.entries({ video, audio })) {
    description.addSSRC(MEDIA[kind].ssrc, 'publisher', 'stream', kind)
    MEDIA[kind].track = pc.addTrack(description)
  }
  const opened = Object.values(MEDIA).map(({ track }) => new Promise((open) => track.onOpen(open)))
  const gathered = new Promise((done) => pc.onGatheringStateChange((state) => state === 'complete' && done()))
  pc.setLocalDescription('offer')
  await gathered
  const headers = { 'content-type': 'application/sdp' }
  const response = await fetch(url, { method: 'POST', headers, body: pc.localDescription().sdp })
  const answer = await response.text()
  if (response.status !== 201) throw new Error(`${response.status} ${answer}`)
  pc.setRemoteDescription(answer, 'answer')
  await Promise.all(opened)

  // By itself, FFmpeg would begin the clock of each output's reports when it opens that one, and picture and sound would be apart by as
  // much as their coders take to begin.
  const began = ['-start_time_realtime', Date.now() * 1000]
  const outputs = []
  for (const { ssrc, type, coding, track } of Object.values(MEDIA)) {
    const socket = createSocket('udp4', (packet) => track.isOpen() && track.sendMessageBinary(packet))
    await new Promise((bound) => socket.bind(0, '127.0.0.1', bound))
    const { port } = socket.address()
    const to = `rtp://127.0.0.1:${port}?rtcpport=${port}&pkt_size=1200`
    outputs.push(...coding, ...began, '-ssrc', ssrc, '-payload_type', type, '-f', 'rtp', to)
  }
  // However this process ends, nothing is published behind it.
  const ending = ['--pdeathsig', 'KILL', 'ffmpeg', '-nostdin', '-v', 'error']
  const ffmpeg = spawn('setpriv', [...ending, ...input, ...outputs], { stdio: ['ignore', 'ignore', 'inherit'] })
  ffmpeg.on('exit', (status) => process.exit(status ?? 1))
  process.stdin.resume()
  await new Promise((over) => process.stdin.on('end', over) && process.on('SIGTERM', over))
  await fetch(new URL(response.headers.get('location'), url), { method: 'DELETE' })
  ffmpeg.removeAllListeners('exit')
  ffmpeg.kill()
  // What the library still has to do holds the process up.
  process.exit()
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error)
  process.exit(1)
})
