// What a client sends: which source is in which medium, and what becomes of it when the connection is made anew.
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { RoomError } from '../src/problem.ts'
import { Sending } from '../src/sending.ts'
import { begin, connections, later, room } from './media.js'

beforeEach(begin)

const audio = { kind: 'audio' }
const video = { kind: 'video' }
const stream = {}

const sent = (source, track, simulcast = false) => ({ source, track, stream, simulcast })

test('the first offer has both kinds, so that the other one can follow without a new connection', async () => {
  const { told, dealing } = room()
  const sending = new Sending('pub', dealing)
  await sending.add([sent('audio', audio)])
  assert.deepEqual(sending.sources(), { 0: 'audio' })
  assert.deepEqual(connections[0].transceivers.map(({ sender }) => sender.track), [audio, null])
  await sending.add([sent('camera', video)])
  assert.deepEqual(sending.sources(), { 0: 'audio', 1: 'camera' })
  await sending.add([sent('screen', { kind: 'video', contentHint: '' })])
  assert.deepEqual(sending.sources(), { 0: 'audio', 1: 'camera', 2: 'screen' })
  assert.equal(connections[0].transceivers[2].sender.track.contentHint, 'detail')
  assert.deepEqual([connections.length, told.offers.length], [1, 3])
})

test('what the room refuses is not kept', async () => {
  const { told, dealing } = room()
  const sending = new Sending('pub', dealing)
  await sending.add([sent('audio', audio)])
  told.refuses = [new RoomError(50_009, 'may not')]
  await assert.rejects(sending.add([sent('camera', video)]), { code: 50_009 })
  assert.deepEqual([sending.has('camera'), sending.sources()], [false, { 0: 'audio' }])
  assert.equal(connections[0].transceivers[1].sender.track, null)
})

test('a connection that is made anew sends what was sent, with the track that took the place of another', async () => {
  const { dealing } = room()
  const sending = new Sending('pub', dealing)
  await sending.add([sent('audio', audio), sent('camera', video)])
  const other = { kind: 'video' }
  await sending.replace('camera', other)
  assert.equal(connections[0].transceivers[1].sender.track, other)
  sending.anew()
  await later(0)
  assert.deepEqual(connections[1].transceivers.map(({ sender }) => sender.track), [audio, other])
  await sending.remove(['audio', 'camera'])
  sending.anew()
  await later(60_000)
  assert.equal(connections.length, 2, 'there is nothing to send')
})

test('layers are begun as such, and where the room takes none the smallest becomes the whole picture', async () => {
  const { told, dealing } = room()
  told.answer = 'v=0\na=simulcast:recv q;h;f'
  const sending = new Sending('pub', dealing)
  await sending.add([sent('camera', video, true)])
  const encodings = () => connections.at(-1).transceivers.find(({ sender }) => sender.track === video).sender.getParameters().encodings
  assert.deepEqual(encodings().map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy]), [['q', 4], ['h', 2], ['f', undefined]])
  told.answer = 'v=0'
  sending.anew()
  await later(0)
  assert.deepEqual(encodings()[0], { rid: 'q', scaleResolutionDownBy: 1 })
})

test('layers take the place of a medium that was begun without them', async () => {
  const { dealing } = room()
  const sending = new Sending('pub', dealing)
  await sending.add([sent('audio', audio)])
  await sending.add([sent('camera', video, true)])
  assert.deepEqual(sending.sources(), { 0: 'audio', 2: 'camera' })
  assert.deepEqual(connections[0].transceivers.map(({ direction }) => direction), ['sendonly', 'inactive', 'sendonly'])
})
