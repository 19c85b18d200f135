"""Peers of rooms, as docs/rooms.md says, with aiortc. Each line of its input is a command in JSON, which is answered by a line.

    {"do": "enter", "as": PEER, "url": URL, "file": FILE or null}   joins, receives, and publishes the file if there is one
    {"do": "see", "as": PEER, "seen": {PEER: [COLOUR, HERTZ]}}      is answered when all of these are seen and heard together; an
                                                                    empty COLOUR is any, and of ONE+OTHER both are in the picture
    {"do": "miss", "as": PEER, "missed": [PEER]}                    when nothing comes of these any more
    {"do": "hear", "as": PEER, "said": DATA}                        when a message with this has come
    {"do": "say", "as": PEER, "data": DATA}
    {"do": "pause", "as": PEER}                                     is answered with the longest time without a picture of each peer
                                                                    since it was asked last, in seconds
    {"do": "leave", "as": PEER}

A command that fails, or is not done within 30 seconds, is answered with `failed`.
"""

import asyncio
import base64
import json
import math
import os
import sys
import time
import traceback
from array import array
from collections import deque
from urllib.parse import urlsplit

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer
from aiortc.mediastreams import MediaStreamError
from av import AudioResampler

WITHIN_S = 30
PING_EVERY_S = 5
SILENT_S = 5
# The slots of each peer: for rooms of four, with a screen.
SLOTS = {"audio": 4, "video": 5}
RATE = 16000
# So much of the sound is looked at, in samples.
HEARD = RATE // 5
# A tone is heard that is louder than this, of 32,768.
LOUD = 100


class Socket:
    """A WebSocket of texts, as far as one needs it with a server of one's own."""

    async def open(self, url):
        parts = urlsplit(url)
        self.reader, self.writer = await asyncio.open_connection(parts.hostname, parts.port)
        key = base64.b64encode(os.urandom(16)).decode()
        head = [f"GET {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Upgrade: websocket", "Connection: Upgrade"]
        head += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self.writer.write("\r\n".join(head).encode())
        status = await self.reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in status.splitlines()[0]:
            raise ConnectionError(status.decode())

    def send(self, text, kind=1):
        data, mask = text.encode(), os.urandom(4)
        length = len(data)
        head = bytes([0x80 | kind])
        if length < 126:
            head += bytes([0x80 | length])
        elif length < 1 << 16:
            head += bytes([0x80 | 126]) + length.to_bytes(2, "big")
        else:
            head += bytes([0x80 | 127]) + length.to_bytes(8, "big")
        self.writer.write(head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))

    async def receive(self):
        """The next text; `None` at the end."""
        text = b""
        while True:
            try:
                head = await self.reader.readexactly(2)
                length = head[1] & 0x7F
                if length > 125:
                    length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
                data = await self.reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            kind = head[0] & 0x0F
            if kind == 8:
                return None
            if kind in (0, 1):
                text += data
                if head[0] & 0x80:
                    return text.decode()

    def close(self):
        self.writer.close()


class Refused(Exception):
    pass


def colours(picture):
    """That of the middle, and all that are in it."""
    plane = picture.reformat(width=16, height=16, format="rgb24").planes[0]
    data = bytes(plane)
    points = [[named(data[plane.line_size * y + 3 * x:][:3]) for x in range(16)] for y in range(16)]
    return points[8][8], {name for row in points for name in row}


def named(pixel):
    red, green, blue = pixel
    return ("red" if red > 110 else "") + ("green" if green > 70 and red < 110 else "") + ("blue" if blue > 110 else "")


def in_each_section(sdp):
    """This library takes the candidates of the last medium of a bundle; they are in the first one (RFC 9143)."""
    head, first, *others = sdp.split("\r\nm=")
    candidates = "".join(f"\r\n{line}" for line in first.split("\r\n") if line.startswith("a=candidate:"))
    return "\r\nm=".join([head, first, *(other.rstrip("\r\n") + candidates for other in others)]) + "\r\n"


def level(samples, frequency):
    """How much of the frequency is in the samples (Goertzel)."""
    factor = 2 * math.cos(2 * math.pi * frequency / RATE)
    one = two = 0.0
    for sample in samples:
        one, two = sample + factor * one - two, one
    return math.sqrt(max(one * one + two * two - factor * one * two, 0)) / max(len(samples), 1)


class Slot:
    """What one receiver has shown last."""

    def __init__(self, kind):
        self.kind, self.peer = kind, None
        self.colour, self.colours, self.samples = "", set(), deque(maxlen=HEARD)
        self.at = 0.0

    async def run(self, track, owner):
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            now = time.monotonic()
            if self.kind == "video":
                if self.peer:
                    owner.times.setdefault(self.peer, []).append(now)
                if now - self.at > 0.1:
                    self.colour, self.colours = colours(frame)
                    self.at = now
            else:
                for part in resampler.resample(frame):
                    self.samples.extend(array("h", bytes(part.planes[0])[:2 * part.samples]))
                self.at = now

    def is_fresh(self):
        return time.monotonic() - self.at < 1


class Peer:
    def __init__(self, name, url, file):
        self.name, self.url, self.file = name, url, file
        self.player = None
        self.asked, self.answers = 0, {}
        self.tracks, self.slots, self.heard = {}, {}, []
        self.times = {}
        self.tasks, self.connections = set(), {}
        self.lost, self.renewing, self.resume, self.is_there = [], set(), None, False

    def spawn(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def enter(self):
        joined = await self.join()
        self.spawn(self.ping())
        self.spawn(self.watch())
        await self.subscribe()
        if self.file:
            await self.publish()
        return {"role": joined["role"]}

    async def join(self):
        socket = Socket()
        await socket.open(self.url)
        self.socket = socket
        self.spawn(self.listen())
        joined = await self.ask({"t": "join", "peerId": self.name, "resume": self.resume})
        self.resume, self.is_there = joined["resume"], True
        for peer in joined["peers"]:
            for track in peer["tracks"]:
                self.tracks[track["trackId"]] = track
        return joined

    async def come_back(self):
        """The line to the room is broken, and media goes on meanwhile."""
        while True:
            try:
                joined = await self.join()
                break
            except (OSError, Refused):
                await asyncio.sleep(0.2)
        if not joined["resumed"]:
            await self.renew("sub")
            if self.file:
                await self.renew("pub")

    async def ask(self, frame):
        self.asked += 1
        asked = self.asked
        self.answers[asked] = asyncio.get_running_loop().create_future()
        self.socket.send(json.dumps({**frame, "id": asked}))
        try:
            answer = await self.answers[asked]
        finally:
            del self.answers[asked]
        if answer["t"] == "err":
            raise Refused(answer["code"])
        return answer

    async def ping(self):
        while True:
            await asyncio.sleep(PING_EVERY_S)
            if self.is_there:
                self.socket.send("ping")

    async def watch(self):
        """Begins anew when nothing comes any more: this library hears of that much later."""
        while True:
            await asyncio.sleep(0.5)
            silent = [time.monotonic() - slot.at for slot in self.slots.values() if slot.peer and slot.at]
            if self.is_there and silent and min(silent) > SILENT_S:
                self.lost.append("silent")
                for side in list(self.connections):
                    await self.restart(side)
                await asyncio.sleep(SILENT_S)

    async def restart(self, side):
        """This library cannot change its way, but hears whether the node still has the connection."""
        sdp = self.connections[side].localDescription.sdp
        try:
            await self.ask({"t": "restart", "pc": side, "sdp": sdp})
        except Refused:
            await self.renew(side)

    async def listen(self):
        while (text := await self.socket.receive()) is not None:
            if text == "pong":
                continue
            frame = json.loads(text)
            kind = frame["t"]
            answer = self.answers.get(frame.get("id"))
            if answer and not answer.done():
                answer.set_result(frame)
            elif kind == "track":
                self.tracks[frame["trackId"]] = frame
            elif kind == "untrack":
                self.tracks.pop(frame["trackId"], None)
            elif kind == "slots":
                self.map(frame["map"])
            elif kind == "msg":
                self.heard.append(frame["data"])
            elif kind == "lost":
                self.spawn(self.renew(frame["pc"]))
        if self.is_there:
            self.is_there = False
            self.spawn(self.come_back())

    def map(self, told):
        for mid, track_id in told.items():
            slot, track = self.slots.get(mid), self.tracks.get(track_id)
            if slot:
                slot.peer = track and track["source"] in ("audio", "camera") and track["peerId"]
                slot.colour, slot.at = "", 0.0
                slot.samples.clear()

    async def renew(self, side):
        """A connection is over: another one takes its place, on another node if need be."""
        self.lost.append(side)
        if side in self.renewing:
            return
        self.renewing.add(side)
        began, done = time.monotonic(), False
        while not done and time.monotonic() - began < WITHIN_S:
            try:
                await (self.publish() if side == "pub" else self.subscribe())
                done = True
            except Refused:
                await asyncio.sleep(1)
        self.renewing.discard(side)

    async def begin(self, side):
        if side in self.connections:
            await self.connections.pop(side).close()
        # By another policy this library ends the connection that several media of a kind share.
        together = RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        self.connections[side] = RTCPeerConnection(together)
        return self.connections[side]

    async def offer(self, pc, frame):
        await pc.setLocalDescription(await pc.createOffer())
        answer = await self.ask({**frame(), "sdp": pc.localDescription.sdp})
        await pc.setRemoteDescription(RTCSessionDescription(sdp=in_each_section(answer["sdp"]), type="answer"))

    async def subscribe(self):
        pc = await self.begin("sub")
        slots = [(kind, pc.addTransceiver(kind, direction="recvonly")) for kind, count in SLOTS.items() for _ in range(count)]

        def frame():
            # What is in them may be told before the answer has been taken in.
            self.slots = {transceiver.mid: Slot(kind) for kind, transceiver in slots}
            return {"t": "subscribe"}

        await self.offer(pc, frame)
        for _, transceiver in slots:
            self.spawn(self.slots[transceiver.mid].run(transceiver.receiver.track, self))

    async def publish(self):
        pc = await self.begin("pub")
        self.player = MediaPlayer(self.file, loop=True)
        audio = pc.addTransceiver(self.player.audio, direction="sendonly")
        video = pc.addTransceiver(self.player.video, direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        video.setCodecPreferences([codec for codec in codecs if codec.mimeType == "video/H264"])
        await self.offer(pc, lambda: {"t": "publish", "sources": {audio.mid: "audio", video.mid: "camera"}})

    def seen(self):
        told = {}
        for slot in self.slots.values():
            if slot.peer and slot.is_fresh():
                known = told.setdefault(slot.peer, ["", None, set()])
                if slot.kind == "video":
                    known[0], known[2] = slot.colour, slot.colours
                else:
                    known[1] = list(slot.samples)
        return told

    def sees(self, wanted):
        seen = self.seen()
        tones = [tone for _, tone in wanted.values() if tone]
        for peer, (colour, tone) in wanted.items():
            known_colour, samples, colours = seen.get(peer, ["", None, set()])
            if "+" in colour and not set(colour.split("+")) <= colours:
                return False
            if colour and "+" not in colour and colour != known_colour:
                return False
            if tone and (not samples or len(samples) < HEARD // 2):
                return False
            levels = {of: level(samples, of) for of in tones} if tone else {}
            if tone and (max(levels, key=levels.get) != tone or levels[tone] < LOUD):
                return False
        return True

    def told(self):
        return {peer: [colour, bool(samples), sorted(colours)] for peer, (colour, samples, colours) in self.seen().items()}

    def pauses(self):
        times, self.times = self.times, {}
        for slot in self.slots.values():
            if slot.peer in times and slot.kind == "video":
                self.times[slot.peer] = times[slot.peer][-1:]
        return {peer: round(max([b - a for a, b in zip(of, of[1:])] or [0]), 2) for peer, of in times.items()}

    async def leave(self):
        self.is_there = False
        self.socket.send(json.dumps({"t": "leave"}))
        for task in list(self.tasks):
            task.cancel()
        for pc in self.connections.values():
            await pc.close()
        self.socket.close()


async def until(is_so):
    while not is_so():
        await asyncio.sleep(0.1)


async def carry_out(peers, command):
    what, name = command["do"], command["as"]
    if what == "enter":
        peer = Peer(name, command["url"], command.get("file"))
        try:
            entered = await peer.enter()
        except Refused as refused:
            await peer.leave()
            return {"refused": refused.args[0]}
        peers[name] = peer
        return entered
    peer = peers[name]
    if what == "see":
        await until(lambda: peer.sees(command["seen"]))
    elif what == "miss":
        await until(lambda: not set(command["missed"]) & set(peer.seen()))
    elif what == "hear":
        await until(lambda: command["said"] in peer.heard)
    elif what == "say":
        await until(lambda: peer.is_there)
        peer.socket.send(json.dumps({"t": "msg", "data": command["data"]}))
    elif what == "pause":
        return {"pauses": peer.pauses(), "lost": peer.lost}
    elif what == "leave":
        await peers.pop(name).leave()
    else:
        raise ValueError(what)
    return {}


async def main():
    peers = {}
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command, began = json.loads(line), time.monotonic()
        try:
            answer = await asyncio.wait_for(carry_out(peers, command), WITHIN_S)
        except asyncio.TimeoutError:
            peer = peers.get(command["as"])
            answer = {"failed": command, "sees": peer and peer.told(), "tracks": peer and list(peer.tracks.values())}
        except Exception as error:
            traceback.print_exc()
            answer = {"failed": command, "error": repr(error)}
        print(json.dumps({**answer, "took": round(time.monotonic() - began, 2)}), flush=True)
    for peer in peers.values():
        await peer.leave()


asyncio.run(main())
