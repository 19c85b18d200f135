"""A camera that nobody here made: GStreamer's RTSP server with a test picture and a tone below /live.

usage: camera.py [--login USER:PASSWORD] [--certificate FILE] [--udp] [--rare] [--also PATH]

It prints its port once it listens, and serves RTSP and its tunnel over HTTP there; with a certificate (PEM, with its key) by TLS
only. Logins are asked for by Digest. With --udp it sends datagrams and interleaves nothing;
with --rare a key frame at its beginning, and then only when it is asked for one. With --also the same is below that path, too.
"""

import argparse

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

PIPELINE = (
    "( videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=180,framerate=25/1"
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={} ! video/x-h264,profile=baseline"
    " ! rtph264pay name=pay0 pt=96 config-interval=-1"
    " audiotestsrc is-live=true freq=440 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! rtpmp4gpay name=pay1 pt=97 )"
)

options = argparse.ArgumentParser()
options.add_argument("--login")
options.add_argument("--certificate")
options.add_argument("--udp", action="store_true")
options.add_argument("--rare", action="store_true")
options.add_argument("--also")
options = options.parse_args()

Gst.init(None)
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory.new()
factory.set_launch(PIPELINE.format(100000 if options.rare else 25))
factory.set_shared(True)
if options.udp:
    factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
if options.login or options.certificate:
    auth = GstRtspServer.RTSPAuth.new()
    token = GstRtspServer.RTSPToken.new()
    token.set_string("media.factory.role", "user")
    if options.login:
        user, password = options.login.split(":")
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
        factory.add_role_from_structure(
            Gst.Structure.new_from_string("user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true")
        )
    if options.certificate:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(options.certificate))
    server.set_auth(auth)
server.get_mount_points().add_factory("/live", factory)
if options.also:
    server.get_mount_points().add_factory(options.also, factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
