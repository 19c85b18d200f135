// A whole room: what a page is told, and what it makes of it.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { beforeEach, test } from 'node:test'
import { connect } from '../src/index.ts'
import { begin, connections, later, settle } from './media.js'
import { beginSockets, sockets } from './sockets.js'

let devices

class Track extends EventTarget {
  enabled = true

  constructor(kind) {
    super()
    this.kind = kind
  }

  ends() {
    this.dispatchEvent(new Event('ended'))
  }
}

class Stream {
  constructor(tracks) {
    this.tracks = tracks
  }

  getAudioTracks() {
    return this.tracks.filter(({ kind }) => kind === 'audio')
  }

  getVideoTracks() {
    return this.tracks.filter(({ kind }) => kind === 'video')
  }
}

/** One that plays nothing before somebody has touched the page. */
class Element {
  static touched = true
  srcObject = null
  clientHeight = 180

  async play() {
    if (!Element.touched) throw new DOMException('touch the page', 'NotAllowedError')
  }

  hasAttribute() {
    return false
  }

  removeAttribute() {}

  remove() {
    this.isRemoved = true
  }
}

class Observer {
  observe() {}
  disconnect() {}
}

beforeEach(() => {
  begin()
  beginSockets()
  Element.touched = true
  devices = new EventTarget()
  devices.list = [{ deviceId: 'a', kind: 'audioinput' }]
  devices.enumerateDevices = async () => devices.list
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { mediaDevices: devices } })
  const page = { addEventListener() {}, removeEventListener() {}, MediaStream: Stream, devicePixelRatio: 1 }
  Object.assign(globalThis, page, { ResizeObserver: Observer, IntersectionObserver: Observer })
})

const JOINED = { t: 'joined', id: 1, v: 1, resume: 'r', resumed: false, role: 'member', can: ['audio', 'video'] }

/** Answers what the client has asked last. */
function answers(kind) {
  const { id } = sockets.at(-1).said(kind)
  sockets.at(-1).hears({ t: 'answer', id, sdp: 'answer' })
  return settle()
}

async function joins(joining) {
  sockets.at(-1).opens()
  await settle()
  const joined = { ...JOINED, protocol: 0, minBitrate: 600_000, maxBitrate: 3_000_000, peers: [] }
  sockets.at(-1).hears({ ...joined, id: sockets.at(-1).said('join').id })
  const room = await joining
  await later(0)
  await answers('subscribe')
  return room
}

const joined = () => joins(connect('ws://edge/1', { peerId: 'liubei' }))

async function publishing(room, tracks, options) {
  const publishing = room.publish(new Stream(tracks), options)
  await settle()
  await answers('publish')
  return publishing
}

const sees = (trackId, kind, source) =>
  sockets.at(-1).hears({ t: 'track', trackId, peerId: 'liubei', kind, source, on: true })

test('the example of the README works as it stands', async () => {
  const text = await readFile('client/README.md', 'utf8')
  const [, example] = /```js\n([^]*?)```/.exec(text)
  const shown = []
  const document = {
    createElement: (kind) => Object.assign(new Element(), { kind }),
    body: { append: (element) => shown.push(element) },
  }
  const tracks = [new Track('audio'), new Track('video')]
  const media = { mediaDevices: { getUserMedia: async () => new Stream(tracks) } }
  const told = []
  const names = ['connect', 'url', 'document', 'navigator', 'console']
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor
  const page = new AsyncFunction(...names, example)
  const running = page(connect, 'ws://edge/1', document, media, { log: (...words) => told.push(words) })
  sockets[0].opens()
  await settle()
  sockets[0].hears({ ...JOINED, protocol: 0, peers: [] })
  await settle()
  await answers('publish')
  const room = await running
  await later(0)
  assert.equal(tracks[0].enabled, false)
  assert.equal(sockets[0].said('msg').data, 'hello')
  sockets[0].hears({ t: 'msg', n: 1, from: 'guanyu', data: 'hi' })
  assert.deepEqual(told.at(-1), ['guanyu', 'hi'])
  sockets[0].hears({ t: 'track', trackId: 'x', peerId: 'guanyu', kind: 'video', source: 'camera', on: true })
  assert.equal(shown[0].kind, 'video')
  sockets[0].hears({ t: 'untrack', trackId: 'x' })
  assert.equal(shown[0].isRemoved, true)
  room.leave()
})

test('the screen that the browser ends is published no more', async () => {
  const room = await joined()
  const ended = []
  room.on('ended', ({ source }) => ended.push(source))
  const screen = new Track('video')
  await publishing(room, [screen], { source: 'screen' })
  screen.ends()
  await settle()
  assert.deepEqual(ended, ['screen'])
  assert.deepEqual(sockets[0].said('publish').sources, {})
  await answers('publish')
  await publishing(room, [new Track('video')], { source: 'screen' })
})

test('a device that is gone is muted for the others until another one takes its place', async () => {
  const room = await joined()
  const ended = []
  room.on('ended', ({ source }) => ended.push(source))
  const [microphone, camera, other] = [new Track('audio'), new Track('video'), new Track('audio')]
  const published = await publishing(room, [microphone, camera])
  sees('m', 'audio', 'audio')
  sees('c', 'video', 'camera')
  microphone.ends()
  assert.deepEqual(ended, ['audio'])
  assert.deepEqual(sockets[0].said('mute'), { t: 'mute', trackId: 'm', on: false })
  await published.replace(other)
  assert.deepEqual([sockets[0].said('mute').on, other.enabled], [true, true])
  // What somebody has muted stays so.
  published.mute(true, 'audio')
  other.ends()
  await published.replace(microphone)
  assert.deepEqual([sockets[0].said('mute').on, microphone.enabled], [false, false])
  // A track that was replaced is not listened to any more.
  other.ends()
  assert.equal(ended.length, 2)
})

test('each kind is muted on its own, and the others are told', async () => {
  const room = await joined()
  const [microphone, camera] = [new Track('audio'), new Track('video')]
  const published = await publishing(room, [microphone, camera])
  sees('m', 'audio', 'audio')
  sees('c', 'video', 'camera')
  published.mute(true, 'video')
  assert.deepEqual([microphone.enabled, camera.enabled], [true, false])
  assert.deepEqual(sockets[0].said('mute'), { t: 'mute', trackId: 'c', on: false })
  published.unmute('video')
  assert.deepEqual(sockets[0].said('mute'), { t: 'mute', trackId: 'c', on: true })
})

test('the mute of another peer is told', async () => {
  const room = await joined()
  sockets[0].hears({ t: 'track', trackId: 'x', peerId: 'guanyu', kind: 'audio', source: 'audio', on: true })
  const track = room.tracks.get('x')
  const told = []
  track.on('on', (on) => told.push(on))
  sockets[0].hears({ t: 'track', trackId: 'x', peerId: 'guanyu', kind: 'audio', source: 'audio', on: false })
  sockets[0].hears({ t: 'track', trackId: 'x', peerId: 'guanyu', kind: 'audio', source: 'audio', on: false })
  assert.deepEqual([told, track.isOn], [[false], false])
})

test('what the browser does not play is told, and played after a touch', async () => {
  const room = await joined()
  const told = []
  room.on('blocked', (isBlocked) => told.push(isBlocked))
  Element.touched = false
  for (const trackId of ['x', 'y']) {
    sockets[0].hears({ t: 'track', trackId, peerId: 'guanyu', kind: 'audio', source: 'audio', on: true })
    room.tracks.get(trackId).attach(new Element())
    room.tracks.get(trackId).show(new Track('audio'))
  }
  await settle()
  assert.deepEqual(told, [true])
  await room.play()
  assert.deepEqual(told, [true], 'still nobody has touched the page')
  Element.touched = true
  await room.play()
  assert.deepEqual(told, [true, false])
  // Nor is it blocked by what is gone.
  Element.touched = false
  room.tracks.get('x').show(new Track('audio'))
  await settle()
  sockets[0].hears({ t: 'untrack', trackId: 'x' })
  assert.deepEqual(told, [true, false, true, false])
})

test('devices that come and go are told once for each change', async () => {
  const room = await joined()
  const told = []
  room.on('devices', (list) => told.push(list.length))
  for (let times = 0; times < 3; times += 1) devices.dispatchEvent(new Event('devicechange'))
  await later(300)
  assert.deepEqual(told, [1])
  room.leave()
  devices.dispatchEvent(new Event('devicechange'))
  await later(300)
  assert.deepEqual(told, [1])
})

test('media that do not connect are given up with a state to see, and tried again when that is asked for', async () => {
  const room = await joined()
  const problems = []
  room.on('problem', ({ reason }) => problems.push(reason))
  const refuses = () => {
    const { id } = sockets[0].said('subscribe')
    sockets[0].hears({ t: 'err', id, code: 50_005, msg: 'no' })
    return settle()
  }
  sockets[0].hears({ t: 'lost', pc: 'sub', reason: 'the node is gone' })
  let pauses = 0
  while (room.state.media !== 'failed' && pauses < 100) {
    await later(10_000)
    await refuses()
    pauses += 1
  }
  assert.deepEqual([room.state.media, problems], ['failed', ['no-connection']])
  const asked = sockets[0].sent.length
  await later(60_000)
  assert.equal(sockets[0].sent.filter((frame) => frame.t === 'subscribe').length, sockets[0].sent.slice(0, asked).filter((frame) => frame.t === 'subscribe').length)
  room.retry()
  assert.equal(room.state.media, 'reconnecting')
  await later(0)
  await answers('subscribe')
  connections.at(-1).becomes('connected')
  assert.equal(room.state.media, 'connected')
})
