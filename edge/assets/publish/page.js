// Publishes by WHIP and plays by WHEP. The fields can be given in the page's address, behind `?` or, where no server sees them, behind
// `#`: app, channel, uid, token, and watch with the IDs of users, separated by commas.
import { Ended, Refused, Session, Unreachable } from './session.js'
import { Tile } from './tile.js'
import { choose, otherLanguage, word } from './words.js'

const element = (id) => document.getElementById(id)
const place = element('place').elements
const fault = element('fault')
/** The sessions by their URLs: a stream is published or watched once. */
const sessions = new Map()

const given = new URLSearchParams([...new URLSearchParams(location.search), ...new URLSearchParams(location.hash.slice(1))])
choose(given.get('lang') ?? navigator.language)
for (const name of ['app', 'channel', 'uid', 'token']) place[name].value = given.get(name) ?? ''

element('language').addEventListener('click', () => choose(otherLanguage()))
element('place').addEventListener('submit', (event) => {
  event.preventDefault()
  reporting(event.submitter === element('screen') ? shareScreen : publishCamera)
})
element('watch').addEventListener('submit', (event) => {
  event.preventDefault()
  const { watched, stream } = event.target.elements
  if (element('place').reportValidity()) watch(watched.value.trim(), stream.value)
})
addEventListener('pagehide', () => {
  for (const session of sessions.values()) session.stop()
})
for (const uid of (given.get('watch') ?? '').split(',').filter(Boolean)) watch(uid, 'camera')

async function publishCamera() {
  const [camera, microphone] = [place.camera.checked, place.microphone.checked]
  if (!camera && !microphone) return (fault.textContent = word('nothing'))
  if (sessions.has(url('whip', place.uid.value, 'camera'))) return
  const height = Number(place.height.value)
  const video = camera && { height: { ideal: height }, width: { ideal: (height * 16) / 9 } }
  await publish('camera', await devices().getUserMedia({ video, audio: microphone }))
}

async function shareScreen() {
  if (sessions.has(url('whip', place.uid.value, 'screen'))) return
  await publish('screen', await devices().getDisplayMedia({ video: true, audio: true }))
}

function devices() {
  if (!isSecureContext || !navigator.mediaDevices) throw new Error(word('insecure'))
  return navigator.mediaDevices
}

async function publish(stream, media) {
  const prepare = (pc) => {
    for (const track of media.getTracks()) pc.addTransceiver(track, { direction: 'sendonly', streams: [media] })
  }
  const session = run('whip', place.uid.value, stream, media, prepare)
  // The browser has a button of its own to end what is shared.
  for (const track of media.getTracks()) track.addEventListener('ended', () => session.stop())
}

function watch(uid, stream) {
  const media = new MediaStream()
  const prepare = (pc) => {
    for (const track of media.getTracks()) media.removeTrack(track)
    pc.addEventListener('track', ({ track }) => media.addTrack(track))
    for (const kind of ['audio', 'video']) pc.addTransceiver(kind, { direction: 'recvonly' })
  }
  run('whep', uid, stream, media, prepare)
}

/** Keeps a session, with its place on the page, until it is over. */
function run(protocol, uid, stream, media, prepare) {
  const address = url(protocol, uid, stream)
  if (sessions.has(address)) return sessions.get(address)
  const isOwn = protocol === 'whip'
  const tell = (state) => tile.tell(state)
  const session = new Session({ url: address, token: place.token.value, isPlayer: !isOwn, prepare, tell })
  const tile = new Tile({ list: element(isOwn ? 'own' : 'others'), uid, stream, media, isOwn, stop: () => session.stop() })
  tile.count(() => session.connection)
  sessions.set(address, session)
  reporting(async () => {
    try {
      await session.run()
    } finally {
      if (isOwn) for (const track of media.getTracks()) track.stop()
      sessions.delete(address)
      tile.remove()
    }
  })
  return session
}

function url(protocol, uid, stream) {
  const path = [place.app.value, place.channel.value, uid].map((part) => encodeURIComponent(part.trim()))
  if (stream !== 'camera') path.push(stream)
  return `${location.origin}/${protocol}/${path.join('/')}`
}

/** Does something, and shows why it could not be done. */
async function reporting(work) {
  fault.textContent = ''
  try {
    await work()
  } catch (error) {
    fault.textContent = reason(error)
  }
}

function reason(error) {
  const known = {
    NotAllowedError: 'denied',
    NotFoundError: 'missing',
    OverconstrainedError: 'missing',
    NotReadableError: 'busy',
    TypeError: 'offline',
  }
  if (error instanceof Refused) return `${error.status}: ${error.message}`
  if (error instanceof Unreachable) return word('unreachable')
  if (error instanceof Ended) return word('ended')
  return known[error.name] ? word(known[error.name]) : error.message
}
