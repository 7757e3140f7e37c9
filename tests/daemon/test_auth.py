# SPDX-License-Identifier: LGPL-2.1-or-later
"""What polkit is asked, and what becomes of a question whose caller has gone; logind's inhibitor."""

import os
import threading
import time
import unittest

import common
from common import DEVICE, JOB, MANAGER, NAME, ROOT, eventually
from gi.repository import Gio, GLib

POLKIT = """<node><interface name="org.freedesktop.PolicyKit1.Authority">
<method name="CheckAuthorization"><arg type="(sa{sv})" direction="in"/><arg type="s" direction="in"/>
<arg type="a{ss}" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
<arg type="(bba{ss})" direction="out"/></method>
<method name="CancelCheckAuthorization"><arg type="s" direction="in"/></method>
</interface></node>"""

LOGIND = """<node><interface name="org.freedesktop.login1.Manager">
<method name="Inhibit"><arg type="s" direction="in"/><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="h" direction="out"/></method>
</interface></node>"""


class Service:
    """Something on the bus in a thread of its own; its calls are in .calls."""

    def __init__(self, bus, name, path, xml, answer):
        self.calls = []
        self.answer = answer
        self.context = GLib.MainContext()
        self.loop = GLib.MainLoop(self.context)
        ready = threading.Event()

        def run():
            self.context.push_thread_default()
            self.connection = bus.connect()
            info = Gio.DBusNodeInfo.new_for_xml(xml).interfaces[0]
            self.connection.register_object(path, info, self.on_call, None, None)
            self.connection.call_sync("org.freedesktop.DBus", "/org/freedesktop/DBus",
                                      "org.freedesktop.DBus", "RequestName",
                                      GLib.Variant("(su)", (name, 0)), None, 0, -1, None)
            ready.set()
            self.loop.run()

        self.thread = threading.Thread(target=run)
        self.thread.start()
        ready.wait()

    def on_call(self, connection, sender, path, interface, method, arguments, invocation):
        self.calls.append((method, arguments.unpack()))
        self.answer(method, invocation)

    def stop(self):
        self.loop.quit()
        self.thread.join()
        self.connection.close_sync(None)


class Asked(common.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bus = common.Bus()
        cls.bus.connection = cls.bus.connect()
        cls.bus.allow = lambda *actions: None

    def polkit(self, answer):
        service = Service(self.bus, "org.freedesktop.PolicyKit1",
                          "/org/freedesktop/PolicyKit1/Authority", POLKIT, answer)
        self.addCleanup(service.stop)
        return service

    @unittest.skipIf(os.geteuid(), "only root can be somebody else")
    def test_question(self):
        """subject, action, details and interaction"""
        def answer(method, invocation):
            invocation.return_value(GLib.Variant("((bba{ss}))", ((False, True, {}),)))
        polkit = self.polkit(answer)
        self.configure("[target a]\nudp=127.0.0.1:1\n")
        self.start()
        said = self.refused("NotAuthorized", self.user.device, "a", "Refresh")
        self.assertIn("a password is needed", said)
        self.refused("NotAuthorized", self.user.manager, "Reload", interactive=True)
        name = self.user.connection.get_unique_name()
        (_, first), (_, second) = polkit.calls
        self.assertEqual(first[:4], (("system-bus-name", {"name": name}), NAME + ".inspect",
                                     {"device": "a"}, 0))
        self.assertEqual(second[:4], (("system-bus-name", {"name": name}), NAME + ".control",
                                      {}, 1))

    @unittest.skipIf(os.geteuid(), "only root can be somebody else")
    def test_gone(self):
        """a caller that leaves the bus need not be asked any more"""
        waiting = []
        def answer(method, invocation):
            if method == "CheckAuthorization":
                waiting.append(invocation)
            else:
                invocation.return_value(None)
        polkit = self.polkit(answer)
        self.start()
        other = common.Client(self.bus, common.NOBODY)
        other.connection.call(NAME, ROOT, MANAGER, "Inhibit", GLib.Variant("(sa{sv})", ("", {})),
                              None, Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION, -1, None,
                              None)
        eventually(lambda: waiting)
        other.connection.close_sync(None)
        eventually(lambda: len(polkit.calls) == 2)
        self.assertEqual(polkit.calls[1], ("CancelCheckAuthorization", (polkit.calls[0][1][4],)))
        waiting[0].return_value(GLib.Variant("((bba{ss}))", ((True, False, {}),)))
        time.sleep(0.3)
        self.assertFalse(self.user.get(ROOT, MANAGER, "Inhibited"))

    @unittest.skipIf(os.geteuid(), "only root can be root here")
    def test_shutdown(self):
        """shutdown is delayed while a board restarts, and only then"""
        held = []
        def answer(method, invocation):
            read, write = os.pipe()
            held.append(read)
            fds = Gio.UnixFDList.new()
            fds.append(write)
            os.close(write)
            invocation.return_value_with_unix_fd_list(GLib.Variant("(h)", (0,)), fds)
        logind = Service(self.bus, "org.freedesktop.login1", "/org/freedesktop/login1", LOGIND,
                         answer)
        self.addCleanup(logind.stop)
        self.boards("a", options=("--boot-time", "2000"))
        root = common.Client(self.bus)
        job = root.update("a", self.image("new.bin", "1.1.0"))
        eventually(lambda: held)
        self.assertEqual(root.get(job, JOB, "Step"), "reset")
        root.wait(job)
        self.assertEqual(logind.calls[0], ("Inhibit", ("shutdown:sleep", "smpd",
                                                       "A board installs its firmware", "delay")))
        for fd in held:
            self.assertEqual(os.read(fd, 1), b"")
            os.close(fd)


common.main()
