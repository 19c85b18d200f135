// Prints channel tokens made by Agora's own generators, as JSON: {app_id, certificate, channel, tokens: [{label, token, uid}]}.
// `uid` is one that the token admits; each token lives for ten minutes.
const { RtcTokenBuilder, RtcRole } = require('agora-token')
const { RtcTokenBuilder: OldBuilder, RtcRole: OldRole } = require('agora-access-token')
const { AccessToken2, ServiceRtc, ServiceRtm, ServiceFpa, ServiceChat, ServiceApaas } = require('agora-token/src/AccessToken2')

const app_id = '970CA35de60c44645bbae8a215061b33'
const certificate = '5CFd2fd1755d40ecb72977518be15d3b'
const channel = 'lesson 7 (b)'
const now = Math.floor(Date.now() / 1000)
const tokens = []
const add = (label, token, uid) => tokens.push({ label, token, uid })

for (const uid of [1, 527841, 4294967295]) {
  for (const role of [RtcRole.PUBLISHER, RtcRole.SUBSCRIBER]) {
    for (const life of [0, 600]) {
      add(`007 uid ${uid} role ${role} privilege ${life}`,
        RtcTokenBuilder.buildTokenWithUid(app_id, certificate, channel, uid, role, 600, life), `${uid}`)
    }
  }
  add(`006 uid ${uid}`, OldBuilder.buildTokenWithUid(app_id, certificate, channel, uid, OldRole.PUBLISHER, now + 600), `${uid}`)
}
add('007 any uid', RtcTokenBuilder.buildTokenWithUid(app_id, certificate, channel, 0, RtcRole.SUBSCRIBER, 600, 600), '42')
add('006 any uid', OldBuilder.buildTokenWithUid(app_id, certificate, channel, 0, OldRole.SUBSCRIBER, now + 600), '42')
add('007 account', RtcTokenBuilder.buildTokenWithUserAccount(app_id, certificate, channel, 'anna-1', RtcRole.PUBLISHER, 600, 600), 'anna-1')
add('006 account', OldBuilder.buildTokenWithAccount(app_id, certificate, channel, 'anna-1', OldRole.PUBLISHER, now + 600), 'anna-1')
add('007 with RTM', RtcTokenBuilder.buildTokenWithRtm(app_id, certificate, channel, 'anna-1', RtcRole.PUBLISHER, 600, 600), 'anna-1')
add('007 single privileges',
  RtcTokenBuilder.buildTokenWithUidAndPrivilege(app_id, certificate, channel, 7, 600, 600, 0, 60, 0), '7')

const all = new AccessToken2(app_id, certificate, now, 600)
for (const service of [new ServiceRtc(channel, 7), new ServiceRtm('anna'), new ServiceFpa(), new ServiceChat('anna'),
  new ServiceApaas('room', 'anna', 1)]) {
  for (const privilege of [1, 2, 3, 4]) service.add_privilege(privilege, 600)
  all.add_service(service)
}
add('007 five services', all.build(), '7')

console.log(JSON.stringify({ app_id, certificate, channel, tokens }))
