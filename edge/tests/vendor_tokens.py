# Prints channel tokens made by Agora's generator for Python, in the form that vendor_tokens.cjs has.
import json
import time

from agora_token_builder import RtcTokenBuilder
from agora_token_builder.AccessToken import AccessToken

APP_ID = "970CA35de60c44645bbae8a215061b33"
CERTIFICATE = "5CFd2fd1755d40ecb72977518be15d3b"
CHANNEL = "lesson 7 (b)"
PUBLISHER, SUBSCRIBER = 1, 2
dies = int(time.time()) + 600
tokens = []


def add(label, token, uid):
    tokens.append({"label": f"Python, {label}", "token": token, "uid": str(uid)})


for uid in (1, 527841, 4294967295):
    for role in (PUBLISHER, SUBSCRIBER):
        token = RtcTokenBuilder.buildTokenWithUid(APP_ID, CERTIFICATE, CHANNEL, uid, role, dies)
        add(f"006 uid {uid} role {role}", token, uid)
add("006 any uid", RtcTokenBuilder.buildTokenWithUid(APP_ID, CERTIFICATE, CHANNEL, 0, SUBSCRIBER, dies), 42)
add("006 account", RtcTokenBuilder.buildTokenWithAccount(APP_ID, CERTIFICATE, CHANNEL, "anna-1", PUBLISHER, dies), "anna-1")
own = AccessToken(APP_ID, CERTIFICATE, CHANNEL, 7)
for privilege in (1, 2, 3, 4, 1000):
    own.addPrivilege(privilege, dies)
add("006 five privileges", own.build(), 7)

print(json.dumps({"app_id": APP_ID, "certificate": CERTIFICATE, "channel": CHANNEL, "tokens": tokens}))
