// The line to a room, with a socket and a clock of the test's own.
import assert from 'node:assert/strict'
import { beforeEach, mock, test } from 'node:test'
import { Signal } from '../src/signal.ts'
import { beginSockets, sockets } from './sockets.js'

/** What promises have to do that are settled. */
const settle = async () => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

function begin() {
  const heard = { joined: [], news: [], broken: 0, over: [] }
  const signal = new Signal('ws://edge/code', { peerId: 'p', token: 't' }, {
    joined: (joined) => heard.joined.push(joined),
    news: (news) => heard.news.push(news),
    broken: () => (heard.broken += 1),
    over: (error) => heard.over.push([error.reason, error.message]),
  })
  return { signal, heard }
}

async function joins(socket, more = {}) {
  socket.opens()
  const join = socket.sent.at(-1)
  socket.hears({ t: 'joined', id: join.id, resume: 'r', resumed: false, peers: [], ...more })
  await settle()
  return join
}

beforeEach(() => {
  beginSockets()
  mock.timers.reset()
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] })
})

test('who breaks comes back by what it was given, with the last message that it has had', async () => {
  const { signal, heard } = begin()
  const join = await joins(sockets[0])
  assert.deepEqual({ ...join, id: 0 }, { t: 'join', id: 0, peerId: 'p', token: 't', resume: null })
  sockets[0].hears({ t: 'msg', n: 7, from: null, data: {} })
  sockets[0].close(1006)
  assert.equal(heard.broken, 1)
  signal.say({ t: 'msg', data: 'later' })
  mock.timers.tick(200)
  const again = await joins(sockets[1], { resumed: true })
  assert.deepEqual([again.resume, again.seen], ['r', 7])
  assert.deepEqual(sockets[1].sent.at(-1), { t: 'msg', data: 'later' })
  assert.deepEqual([heard.joined.length, heard.over], [2, []])
})

test('who is refused at first hears why, and nothing is tried again', async () => {
  const { heard } = begin()
  sockets[0].opens()
  sockets[0].hears({ t: 'err', id: sockets[0].sent[0].id, code: 50006, msg: 'is here' })
  await settle()
  assert.deepEqual(heard.over, [['joined-elsewhere', 'is here']])
  mock.timers.tick(60_000)
  assert.equal(sockets.length, 1)
})

test('who comes back before it is missed tries again', async () => {
  const { heard } = begin()
  await joins(sockets[0])
  sockets[0].close(1006)
  mock.timers.tick(200)
  sockets[1].opens()
  sockets[1].hears({ t: 'err', id: sockets[1].sent[0].id, code: 10000, msg: 'failed' })
  await settle()
  mock.timers.tick(500)
  await joins(sockets[2], { resumed: true })
  assert.deepEqual([heard.joined.length, heard.over], [2, []])
})

test('a question is answered, refused, or broken off', async () => {
  const { signal } = begin()
  await joins(sockets[0])
  const [answered, refused, broken] = ['1', '2', '3'].map((sdp) => signal.ask({ t: 'subscribe', sdp }))
  const [first, second] = sockets[0].sent.slice(-3)
  sockets[0].hears({ t: 'err', id: second.id, code: 50007, msg: 'none' })
  sockets[0].hears({ t: 'answer', id: first.id, sdp: 'a' })
  assert.equal((await answered).sdp, 'a')
  await assert.rejects(refused, { code: 50007, reason: 'no-codec-in-common' })
  sockets[0].close(1006)
  await assert.rejects(broken, { reason: 'unreachable' })
})

test('a server that answers no ping is left, and given up after a minute', async () => {
  const { heard } = begin()
  await joins(sockets[0])
  mock.timers.tick(4_000)
  assert.equal(sockets[0].sent.at(-1), 'ping')
  sockets[0].hears('pong')
  // The next ones are not.
  for (let passed = 0; passed < 8; passed += 1) mock.timers.tick(1_000)
  assert.equal(heard.broken, 0)
  for (let passed = 0; passed < 12; passed += 1) mock.timers.tick(1_000)
  assert.equal(heard.broken, 1)
  for (let passed = 0; passed < 120_000 && heard.over.length === 0; passed += 1_000) {
    sockets.at(-1).close(1006)
    mock.timers.tick(1_000)
  }
  assert.equal(heard.over[0][0], 'unreachable')
})

test('who is sent away does not come back', async () => {
  const { heard } = begin()
  await joins(sockets[0])
  sockets[0].hears({ t: 'bye', code: 50022, msg: 'over' })
  mock.timers.tick(60_000)
  assert.deepEqual([heard.over, sockets.length], [[['closed', 'over']], 1])
})
