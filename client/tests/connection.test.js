// A connection for media: kept through changes of the network, and made anew where that fails.
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { RoomError } from '../src/problem.ts'
import { Receiving } from '../src/receiving.ts'
import { begin, connections, later, room, settle } from './media.js'

beforeEach(begin)

async function connected() {
  const { told, dealing } = room()
  const receiving = new Receiving('sub', dealing)
  await receiving.negotiate()
  connections[0].becomes('connected')
  return { told, receiving }
}

test('what was connected and is cut off for a moment is left alone', async () => {
  const { told, receiving } = await connected()
  connections[0].becomes('disconnected')
  await later(2_900)
  connections[0].becomes('connected')
  await later(60_000)
  assert.deepEqual([told.restarts.length, receiving.state], [0, 'connected'])
})

test('another way is looked for after three seconds, and everything begun anew after five more', async () => {
  const { told, receiving } = await connected()
  connections[0].becomes('disconnected')
  await later(3_000)
  assert.deepEqual([told.restarts.length, connections[0].restarts, receiving.state], [1, 1, 'reconnecting'])
  await later(5_000)
  await later(0)
  assert.deepEqual([told.offers.length, connections.length, connections[0].isClosed], [2, 2, true])
  connections[1].becomes('connected')
  assert.equal(receiving.state, 'connected')
})

test('a restart that finds a way keeps the connection', async () => {
  const { receiving } = await connected()
  connections[0].becomes('failed')
  await settle()
  connections[0].becomes('connected')
  await later(60_000)
  assert.deepEqual([connections.length, receiving.state], [1, 'connected'])
})

test('a restart that is refused leads to a new connection, and attempts get rarer', async () => {
  const { told, receiving } = await connected()
  const gone = new RoomError(50_017, 'gone')
  told.refuses = [gone, gone, gone, gone]
  connections[0].becomes('failed')
  await settle()
  const offers = []
  for (const pause of [0, 999, 1, 1_999, 1]) {
    await later(pause)
    offers.push(told.offers.length - 1)
  }
  assert.deepEqual(offers, [1, 1, 2, 2, 3])
  await later(5_000)
  connections.at(-1).becomes('connected')
  assert.equal(receiving.state, 'connected')
})

test('a refusal for good is told and not tried again', async () => {
  const { told, receiving } = await connected()
  told.refuses = [new RoomError(50_017, 'gone'), new RoomError(50_007, 'no codec')]
  connections[0].becomes('failed')
  await settle()
  await later(0)
  await later(60_000)
  assert.deepEqual([told.failed, told.offers.length, receiving.state], [[50_007], 2, 'new'])
})

test('without the room nothing is asked, and when it is back everything is begun anew that it does not know', async () => {
  const { told, receiving } = await connected()
  told.is_there = false
  receiving.anew()
  await later(60_000)
  assert.equal(told.offers.length, 1)
  told.is_there = true
  receiving.resumed(false)
  await later(0)
  assert.equal(told.offers.length, 2)
})

test('a room that is back and knows the connection costs nothing while media comes', async () => {
  const { told, receiving } = await connected()
  receiving.resumed(true)
  await later(60_000)
  assert.deepEqual([told.offers.length, told.restarts.length, receiving.state], [1, 0, 'connected'])
})

test('where TCP is first, all ways are looked at when it has brought nothing', async () => {
  const { told, dealing } = room()
  const receiving = new Receiving('sub', dealing)
  receiving.protocol = 3
  await receiving.negotiate()
  await later(3_000)
  assert.equal(told.restarts.length, 1)
})

test('one that does not connect at all is begun anew', async () => {
  const { told, dealing } = room()
  await new Receiving('sub', dealing).negotiate()
  await later(15_000)
  await later(0)
  assert.equal(told.offers.length, 2)
})

test('a closed one does nothing any more', async () => {
  const { told, receiving } = await connected()
  receiving.close()
  receiving.anew()
  await receiving.negotiate()
  await later(60_000)
  assert.deepEqual([told.offers.length, connections[0].isClosed], [1, true])
})
