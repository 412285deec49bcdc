"""Python IntelMQ and Redis, as several scripts need them: installed once into the user's cache, started and stopped.

Not a program: other scripts import it.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

INTELMQ = "3.5.0"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "intelmq-lab"


def wait_for(what, condition, seconds=60, more=lambda: ""):
    """Waits until a condition holds, and ends the script when the time is over, with what more there is to say."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"waited {seconds} s for {what} in vain{more()}")
        time.sleep(0.02)


def install(*extra):
    """Returns the folder of the virtual environment with Python IntelMQ and further packages; exits 77 where that cannot be."""
    missing = [package for package, program in [("redis-server", "redis-server"), ("util-linux", "unshare")]
               if not shutil.which(program)]
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    if subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True).returncode:
        missing.append("python3-venv")
    if missing:
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            print(f"SKIPPED: these packages are missing: {' '.join(missing)}", file=sys.stderr)
            sys.exit(77)
        subprocess.run(["apt-get", "update", "-q"], check=True, stdout=sys.stderr)
        subprocess.run(["apt-get", "install", "-yq", "--no-install-recommends", *missing], check=True, stdout=sys.stderr)
    venv = CACHE / f"intelmq-{INTELMQ}"
    if not (venv / "bin/intelmqctl").exists():
        subprocess.run([python, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "-q", f"intelmq=={INTELMQ}"], check=True, stdout=sys.stderr)
    if extra:
        subprocess.run([venv / "bin/pip", "install", "-q", *extra], check=True, stdout=sys.stderr)
    return venv


@contextlib.contextmanager
def redis(folder):
    """Runs a Redis on a free loopback port, with nothing on disk, and gives the process and the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
                               stdout=subprocess.DEVNULL)
    try:
        ping = ["redis-cli", "-p", str(port), "ping"]
        wait_for("Redis", lambda: b"PONG" in subprocess.run(ping, capture_output=True).stdout)
        yield process, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def environment(venv, root, port=None):
    """Returns the environment in which IntelMQ has its files below a folder, and its queues in the Redis on a port."""
    own = {"PATH": f"{venv}/bin:{os.environ['PATH']}", "INTELMQ_ROOT_DIR": str(root), "HOME": str(root)}
    if port:
        names = ["SOURCE_PIPELINE", "DESTINATION_PIPELINE", "REDIS_CACHE", "STATISTICS"]
        own |= {f"INTELMQ_{name}_PORT": str(port) for name in names}
    return own


def as_somebody():
    """Returns how to begin a command of IntelMQ, which refuses to run as root: in a user namespace it is somebody else."""
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []


# What bots of IntelMQ need beside IntelMQ itself, by a part of their module's path.
PACKAGES = {
    ".asn_lookup.": ["pyasn"], ".sieve.": ["textX", "pendulum"], ".maxmind_geoip.": ["geoip2"], ".jinja.": ["Jinja2"],
    ".templated_smtp.": ["Jinja2"], ".shodan.collector": ["shodan"], ".stomp.": ["stomp.py==8.1.0"],
}


def needed(runtime):
    """Returns the packages that the bots of a runtime file need."""
    text = pathlib.Path(runtime).read_text()
    return sorted({package for part, packages in PACKAGES.items() if part in text for package in packages})


def read_yaml(venv, *paths):
    """Reads YAML files as IntelMQ does, all of them with one start of Python."""
    texts = json.dumps([pathlib.Path(path).read_text() for path in paths])
    code = ("import json, ruamel.yaml, sys; yaml = ruamel.yaml.YAML(typ='safe', pure=True); "
            "json.dump([yaml.load(text) for text in json.load(sys.stdin)], sys.stdout, default=str)")
    return json.loads(subprocess.run([venv / "bin/python", "-c", code], input=texts, text=True, stdout=subprocess.PIPE, check=True).stdout)
