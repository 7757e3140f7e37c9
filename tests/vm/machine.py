# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests on a machine of their own: QEMU with Debian's kernel, udev, systemd, D-Bus and BlueZ. The scripts
that build and start it are a folder beside the checkout and no part of the project.

A test program runs twice. On the host main() starts a machine and runs the same program in it, as root and
with the folders of source and build at their own paths; there main() runs the cases. What they print is
printed here. One start serves all cases of a program."""
import os
import pathlib
import platform
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "lib"))

import smptest  # noqa: E402

SCRIPTS = pathlib.Path(os.environ.get("SMP_VM", SOURCE.parent / "shared/vm")).absolute()
# Not the scripts' own folder: it would be built anew whenever somebody wants other packages.
CACHE = pathlib.Path(os.environ.get("VM_CACHE") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "smpd-vm").absolute()
# What the programs are linked with and the machine does not have anyway.
PACKAGES = ("libarchive13", "libcbor0.8", "libedit2", "libjson-glib-1.0-0", "libssl3")
# What the tests in the machine get of the environment.
PASSED = ("SMPCTL", "SMPSIM", "SMPD", "SMP_STAGE", "G_DEBUG", "PYTHONDONTWRITEBYTECODE")


def missing():
    """Why there can be no machine here; None if nothing is missing."""
    if not (SCRIPTS / "run-in-vm.sh").is_file():
        return f"no scripts of the machine at {SCRIPTS} (SMP_VM)"
    if platform.machine() != "x86_64":
        return f"the machine is an x86_64 and runs no programs for {platform.machine()}"
    if 'VERSION_CODENAME=bookworm' not in pathlib.Path("/etc/os-release").read_text():
        return "the machine is a Debian 12 and runs no programs that were built elsewhere"
    if os.getuid() != 0 and not (CACHE / "root.img").exists():
        return f"only root can build the machine, and it is not in {CACHE}"
    return None


def inside():
    """Whether this is the machine."""
    return os.path.isdir("/run/vm-job") and os.path.isdir("/opt/vm")


class Machine:
    """What is to be run in it, and with what: systemd as its first program, a network card to the host,
    USB serial adapters (pairs of serial number and socket: a program that connects to the socket plugs it
    in), folders that are shared besides the source's, a disk that stays (a file; /persist in the machine)
    and a file for the process id of QEMU, for power cuts."""

    def __init__(self, *, systemd=False, net=False, usb=(), share=(), disk=None, pid=None,
                 timeout=600):
        self.options = ["--timeout", str(timeout)]
        if systemd:
            self.options.append("--systemd")
        if net:
            self.options.append("--net")
        for serial, socket in usb:
            self.options += ["--usb", f"{serial}={socket}"]
        for folder in share:
            self.options += ["--share", str(folder)]
        if disk:
            self.options += ["--disk", str(disk)]
        if pid:
            self.options += ["--pid", str(pid)]
        build = os.environ.get("SMP_BUILD")
        if build and SOURCE not in pathlib.Path(build).parents:
            self.options += ["--share", build]
        self.env = dict(os.environ, VM_CACHE=str(CACHE), VM_PACKAGES=" ".join(PACKAGES))

    def build(self):
        """Packages are unpacked if they are not in the cache. Raises RuntimeError."""
        run = subprocess.run([SCRIPTS / "build-vm.sh"], env=self.env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if run.returncode:
            raise RuntimeError(f"the machine cannot be built:\n{run.stdout}")

    def start(self, *command, **options):
        """A command in a new machine. Returns the Popen of the script, which has its output and status."""
        env = [f"{name}={os.environ[name]}" for name in PASSED if name in os.environ]
        return subprocess.Popen([SCRIPTS / "run-in-vm.sh", *self.options, "env", *env,
                                 *map(str, command)], cwd=SOURCE, env=self.env,
                                stdin=subprocess.DEVNULL, **options)


def main(around=None, **options):
    """The cases of the program, run in a machine with these options; around(machine options) may be a
    context manager that adds some and plays the host's part meanwhile."""
    if inside():
        smptest.main()
    reason = missing()
    if reason:
        smptest.skip_all(reason)
    script = pathlib.Path(sys.argv[0]).absolute()
    if around:
        with around(options):
            sys.exit(run(script, options))
    sys.exit(run(script, options))


def run(script, options):
    machine = Machine(**options)
    try:
        machine.build()
    except RuntimeError as error:
        sys.exit(str(error))
    return machine.start(sys.executable, script, *sys.argv[1:]).wait()
