// The page /room: joins a room by its code, shows who is there, and publishes camera, microphone and screen.
//
// Of the address: ?code=…&name=… fill in the form. #token=… is a channel token. &record=/path, of this server, shows a button that
// posts {"code", "peerId", "on"} there: whoever runs the page starts and stops the recording by the API, with their own secrets.
import { connect } from './client.js'
import { clear, drop, lighten, people, silence, speak, tile } from './tiles.js'
import { choose, otherLanguage, refusal, tell, word } from './words.js'

const at = (id) => document.getElementById(id)
const form = at('join').elements
const query = new URLSearchParams(location.search)
const secret = new URLSearchParams(location.hash.slice(1))
const recordAt = secret.get('record')

/** What the page is in: null before and after. */
let now = null

for (const name of ['code', 'name']) form[name].value = query.get(name) ?? ''
form.token.value = secret.get('token') ?? ''
choose(query.get('language') ?? navigator.language)
at('language').onclick = () => choose(otherLanguage())

at('join').onsubmit = async (event) => {
  event.preventDefault()
  const button = event.target.querySelector('button')
  button.disabled = true
  tell(at('fault'), 'other_', '')
  tell(at('state'), 'joining')
  try {
    await join(form.code.value.trim(), form.name.value.trim(), form.token.value)
  } catch (error) {
    leave()
    complain(error)
  } finally {
    button.disabled = false
  }
}

async function join(code, name, token) {
  const url = new URL(encodeURIComponent(code), location.origin)
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  const room = await connect(url.href, token ? { peerId: name, token } : { peerId: name })
  now = { room, code, name, camera: null, screen: null, audio: new Map() }
  room.on('track', show)
  room.on('peer', ({ peer, state }) => {
    if (state === 'left') forget(peer)
    else tile(keyOf(peer), peer.peerId)
    showAlone()
  })
  room.on('speakers', speak)
  room.on('message', ({ from, data }) => write(from ?? word('server'), typeof data === 'string' ? data : JSON.stringify(data)))
  room.on('state', showState)
  room.on('problem', (error) => tell(at('fault'), 'other_', refusal(error.reason, error.message)))
  room.on('ended', ({ source }) => gone(source))
  room.on('blocked', (isBlocked) => {
    at('play').hidden = !isBlocked
    tell(at('fault'), 'other_', '')
    if (isBlocked) tell(at('fault'), 'blocked')
  })
  room.on('over', (error) => {
    leave()
    if (error.reason === 'left') tell(at('state'), 'left')
    else complain(error)
  })
  at('lobby').hidden = true
  at('room').hidden = false
  at('record').hidden = !recordAt?.startsWith('/')
  showState()
  tile(room.peerId, name, { isOwn: true })
  showAlone()
  at('microphone').focus()
  await begin(room)
}

/** Publishes what was chosen, as far as the room allows it. */
async function begin(room) {
  const wanted = { audio: form.microphone.checked && room.can.includes('audio'), video: form.camera.checked && room.can.includes('video') }
  for (const [id, kind] of [['microphone', 'audio'], ['camera', 'video']]) {
    at(id).disabled = !room.can.includes(kind)
    press(id, wanted[kind])
  }
  at('screen').disabled = !room.can.includes('video') || !navigator.mediaDevices?.getDisplayMedia
  if (room.can.length === 0) return tell(at('fault'), 'may-not-publish')
  showOwn()
  if (!wanted.audio && !wanted.video) return
  try {
    await publish(wanted)
  } catch (error) {
    complain(error)
    press('microphone', false)
    press('camera', false)
    if (now) showOwn()
  }
}

async function publish({ audio, video }) {
  if (!navigator.mediaDevices) throw new DOMException('', 'SecurityError')
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } }
  const stream = await navigator.mediaDevices.getUserMedia({ audio, video: video && size })
  if (!now) return stop(stream)
  now.camera = { stream, published: await now.room.publish(stream, { simulcast: true }) }
  showOwn()
}

/** The own picture, and whether the own sound is off, by what the buttons say. */
function showOwn() {
  const { room, name, camera } = now
  const { video } = tile(room.peerId, name)
  if (camera && video.srcObject !== camera.stream) video.srcObject = camera.stream
  lighten(room.peerId, isPressed('camera') && camera !== null)
  silence(room.peerId, !isPressed('microphone'))
}

const OF_BUTTON = { microphone: 'audio', camera: 'video' }
for (const id of Object.keys(OF_BUTTON)) at(id).onclick = () => guarded(id, () => turn(id))

async function turn(id) {
  const [kind, on] = [OF_BUTTON[id], !isPressed(id)]
  const { camera } = now
  const track = camera?.stream.getTracks().find((track) => track.kind === kind)
  if (track?.readyState === 'live') camera.published.mute(!on, kind)
  else if (track && on) await renew(kind, track)
  else if (on) {
    // Another kind has to be asked for, and both are published as one stream.
    const audio = kind === 'audio' || isPressed('microphone')
    const video = kind === 'video' || isPressed('camera')
    await camera?.published.stop()
    if (camera) stop(camera.stream)
    now.camera = null
    await publish({ audio, video })
  }
  press(id, on)
  if (now) showOwn()
}

/** Another device in the place of one that is gone. */
async function renew(kind, ended) {
  const { camera } = now
  const stream = await navigator.mediaDevices.getUserMedia({ [kind]: true })
  const [track] = stream.getTracks()
  camera.stream.removeTrack(ended)
  camera.stream.addTrack(track)
  await camera.published.replace(track)
  camera.published.unmute(kind)
}

/** A device of this page is gone, or the browser's own bar has ended the screen. */
function gone(source) {
  if (source === 'screen') return void endScreen()
  press(source === 'audio' ? 'microphone' : 'camera', false)
  tell(at('fault'), source === 'audio' ? 'gone-audio' : 'gone-camera')
  showOwn()
}

at('screen').onclick = () =>
  guarded('screen', async () => {
    if (now.screen) return endScreen()
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { width: { max: 1920 }, height: { max: 1080 }, frameRate: { max: 15 } } })
    const key = `${now.room.peerId} screen`
    now.screen = { stream, key, published: await now.room.publish(stream, { source: 'screen' }) }
    tile(key, now.name, { isOwn: true, isScreen: true }).video.srcObject = stream
    lighten(key, true)
    press('screen', true)
  })

async function endScreen() {
  const screen = now?.screen
  if (!screen) return
  now.screen = null
  stop(screen.stream)
  drop(screen.key)
  press('screen', false)
  await screen.published.stop()
}

at('play').onclick = () => now?.room.play()
at('retry').onclick = () => now?.room.retry()

at('record').onclick = () =>
  guarded('record', async () => {
    const on = !isPressed('record')
    const { code, room } = now
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ code, peerId: room.peerId, on })
    const { ok, status } = await fetch(recordAt, { method: 'POST', headers, body })
    if (ok) press('record', on)
    else tell(at('fault'), 'record-failed', status)
  })

at('leave').onclick = () => now?.room.leave()

at('write').onsubmit = (event) => {
  event.preventDefault()
  const { text } = event.target.elements
  now?.room.send(text.value)
  write(now?.name ?? '', text.value)
  text.value = ''
}

/** Shows or plays a track of somebody else, until it ends. */
function show(track) {
  const key = track.source === 'screen' ? `${keyOf(track)} screen` : keyOf(track)
  if (track.kind === 'audio') {
    const audio = new Audio()
    track.attach(audio)
    now.audio.set(track.trackId, audio)
    const hear = () => silence(key, !track.isOn)
    track.on('on', hear)
    track.on('ended', () => now?.audio.delete(track.trackId))
    return hear()
  }
  const { video } = tile(key, track.peerId, { isScreen: track.source === 'screen' })
  track.attach(video)
  const look = () => lighten(key, track.isOn && track.media !== null)
  track.on('media', look)
  track.on('on', look)
  track.on('ended', () => (track.source === 'screen' ? drop(key) : lighten(key, false)))
  look()
}

function forget(peer) {
  drop(keyOf(peer))
  drop(`${keyOf(peer)} screen`)
}

const keyOf = ({ peerId, roomId }) => (roomId === undefined ? peerId : `${roomId}/${peerId}`)

function write(name, text) {
  const line = document.createElement('li')
  tell(line, 'said', name, text)
  at('messages').append(line)
  at('messages').scrollTop = at('messages').scrollHeight
}

function showState() {
  if (!now) return
  const { signalling, media } = now.room.state
  at('retry').hidden = media !== 'failed'
  if (media === 'failed') return tell(at('state'), 'failed')
  const isLost = signalling === 'reconnecting' || media === 'reconnecting'
  tell(at('state'), isLost ? 'reconnecting' : media === 'connected' ? 'connected' : 'connecting')
}

/** Who is alone is told how others come. */
function showAlone() {
  at('alone').hidden = people() > 1
  tell(at('alone'), 'alone', now?.code ?? '')
}

function press(id, on) {
  at(id).setAttribute('aria-pressed', String(on))
}

const isPressed = (id) => at(id).getAttribute('aria-pressed') === 'true'

/** Does what a button is for; meanwhile it cannot be pressed again. */
async function guarded(id, work) {
  at(id).disabled = true
  try {
    await work()
  } catch (error) {
    complain(error)
  } finally {
    at(id).disabled = false
  }
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop()
}

/** Shows the form again. */
function leave() {
  if (now) {
    const { room, camera, screen } = now
    now = null
    room.leave()
    for (const published of [camera, screen]) if (published) stop(published.stream)
  }
  clear()
  for (const id of ['play', 'retry']) at(id).hidden = true
  at('messages').replaceChildren()
  tell(at('state'), 'other_', '')
  tell(at('fault'), 'other_', '')
  at('room').hidden = true
  at('lobby').hidden = false
  at('join').querySelector('button').focus()
}

const OF_BROWSER = { NotAllowedError: 'denied', SecurityError: 'insecure', NotFoundError: 'missing', NotReadableError: 'busy' }

function complain(error) {
  const name = OF_BROWSER[error.name]
  // Somebody who did not choose a screen knows that.
  tell(at('fault'), 'other_', name ? word(name) : refusal(error.reason, error.message))
}
