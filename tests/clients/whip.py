"""Publishes a file by WHIP, in H.264 and Opus, or plays by WHEP, with aiortc.

usage: whip.py publish FILE URL   until its input ends
       whip.py play URL…          prints for each a line of JSON once pictures and sound have come: the colour of a picture's middle
                                  as [red, green, blue], its size, the samples of sound, and the milliseconds until the first picture;
                                  fails after 30 s
"""

import asyncio
import json
import sys
import time
import urllib.request
from urllib.parse import urljoin

from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer

# A proxy would not reach this machine.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(method, url, body=None):
    request = urllib.request.Request(url, method=method, data=body and body.encode(), headers={"Content-Type": "application/sdp"})
    with OPENER.open(request, timeout=30) as response:
        return response.headers.get("Location"), response.read().decode()


async def negotiate(pc, url):
    await pc.setLocalDescription(await pc.createOffer())
    location, answer = await asyncio.to_thread(call, "POST", url, pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
    return urljoin(url, location)


async def publish(file, url):
    pc = RTCPeerConnection()
    player = MediaPlayer(file, loop=True)
    pc.addTransceiver(player.audio, direction="sendonly")
    video = pc.addTransceiver(player.video, direction="sendonly")
    codecs = RTCRtpSender.getCapabilities("video").codecs
    video.setCodecPreferences([codec for codec in codecs if codec.mimeType == "video/H264"])
    session = await negotiate(pc, url)
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.to_thread(call, "DELETE", session)
    await pc.close()


async def play(url):
    began = time.monotonic()
    pc = RTCPeerConnection()
    audio, video = (pc.addTransceiver(kind, direction="recvonly").receiver for kind in ("audio", "video"))
    session = await negotiate(pc, url)
    picture = await video.track.recv()
    first_ms = round((time.monotonic() - began) * 1000)
    sound = await audio.track.recv()
    # The flash of a publisher's keyframe is over after that.
    for _ in range(10):
        picture = await video.track.recv()
    picture = picture.reformat(format="rgb24")
    plane, width, height = picture.planes[0], picture.width, picture.height
    middle = plane.line_size * (height // 2) + 3 * (width // 2)
    await asyncio.to_thread(call, "DELETE", session)
    await pc.close()
    return {"middle": list(bytes(plane)[middle:middle + 3]), "size": [width, height], "samples": sound.samples,
            "first_ms": first_ms}


async def main(what, *words):
    if what == "publish":
        return await publish(*words)
    for played in await asyncio.gather(*(asyncio.wait_for(play(url), 30) for url in words)):
        print(json.dumps(played))


asyncio.run(main(*sys.argv[1:]))
