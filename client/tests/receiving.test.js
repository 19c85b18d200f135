// What a client receives: slots that show one track after another.
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { Receiving } from '../src/receiving.ts'
import { begin, connections, later, room, settle } from './media.js'

beforeEach(begin)

async function receives() {
  const { told, dealing } = room()
  const receiving = new Receiving('sub', dealing)
  const shown = []
  receiving.onshown = (trackId, media) => shown.push([trackId, media?.kind ?? null])
  await receiving.negotiate()
  return { told, receiving, shown }
}

const FEW = { audio: 1, video: 1 }

test('a track is shown by its slot, and no more when the slot shows another one', async () => {
  const { told, receiving, shown } = await receives()
  receiving.map({ 0: 'a1', 2: 'v1' }, FEW)
  receiving.map({ 2: 'v2' }, FEW)
  receiving.map({ 0: null }, FEW)
  assert.deepEqual(shown, [['a1', 'audio'], ['v1', 'video'], ['v1', null], ['v2', 'video'], ['a1', null]])
  assert.equal(told.offers.length, 1)
})

test('a track that changes its slot is shown by the other one', async () => {
  const { receiving, shown } = await receives()
  receiving.map({ 2: 'v1' }, FEW)
  receiving.map({ 2: null, 3: 'v1' }, FEW)
  assert.deepEqual(shown, [['v1', 'video'], ['v1', 'video']])
})

test('slots are added when there are too few, and never more than a page can show', async () => {
  const { told, receiving } = await receives()
  const kinds = () => connections[0].transceivers.filter(({ receiver }) => receiver.track.kind === 'video').length
  assert.equal(kinds(), 2)
  receiving.map({}, { audio: 2, video: 5 })
  await settle()
  assert.deepEqual([kinds(), told.offers.length], [5, 2])
  receiving.map({}, { audio: 2, video: 1 })
  await settle()
  assert.deepEqual([kinds(), told.offers.length], [5, 2], 'slots stay')
  receiving.map({}, { audio: 2, video: 5_000 })
  await settle()
  assert.equal(kinds(), 64)
})

test('nothing is shown any more by a connection that has ended, and the next one has as many slots', async () => {
  const { receiving, shown } = await receives()
  receiving.map({ 2: 'v1' }, { audio: 2, video: 4 })
  await settle()
  shown.length = 0
  receiving.anew()
  assert.deepEqual(shown, [['v1', null]])
  await later(0)
  assert.equal(connections[1].transceivers.length, 6)
  receiving.map({ 3: 'v1' }, { audio: 2, video: 4 })
  assert.deepEqual(shown.at(-1), ['v1', 'video'])
})

test('statistics are those of the slot that shows the track', async () => {
  const { receiving } = await receives()
  connections[0].transceivers.forEach(({ receiver }, index) => (receiver.getStats = async () => index))
  receiving.map({ 3: 'v1' }, FEW)
  assert.deepEqual([await receiving.statistics('v1'), await receiving.statistics('v9')], [3, undefined])
})
