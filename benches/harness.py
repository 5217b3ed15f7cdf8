"""What the benchmarks of pipelines share: media made once, processes and what they cost."""
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MEDIA = ROOT / "target" / "bench-media"
# Plugins of peers that Debian does not have.
PEERS = ROOT / "target" / "bench-peers"
# A process that takes longer hangs.
PATIENCE_S = 600


def environment():
    plugins = f"{ROOT / 'build'}:{PEERS / 'plugins'}"
    env = dict(os.environ, GST_PLUGIN_PATH=plugins, GST_REGISTRY=str(MEDIA / "registry"))
    env.pop("GST_DEBUG", None)
    return env


def cost(command, **options):
    """CPU seconds (user + system) and peak kilobytes of one process."""
    process = subprocess.Popen(["timeout", str(PATIENCE_S), *map(str, command)], env=environment(), **options)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"failed with status {status}: {' '.join(map(str, command))}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def launch(pipeline):
    return ["gst-launch-1.0", "-q", *pipeline.split()]


def run(pipeline):
    """CPU seconds and peak kilobytes of one gst-launch-1.0 process."""
    return cost(launch(pipeline))


def in_turn(commands, runs, measure=cost):
    """Runs each command in turn (A B C A B C ...), once uncounted: by command, what each run cost."""
    for command in commands:
        measure(command)
    rounds = [[measure(command) for command in commands] for _ in range(runs)]
    return list(zip(*rounds))


def median(figures, column=0):
    return statistics.median(figure[column] for figure in figures)


def ratio(ours, theirs):
    """The median of the ratios of CPU time, pair by pair."""
    return statistics.median(a[0] / b[0] for a, b in zip(ours, theirs))


def pair(name, ours, theirs, runs, goal):
    mine, peer = in_turn([launch(ours), launch(theirs)], runs)
    print(f"| {name} | {median(mine):.3f} | {median(peer):.3f} | {ratio(mine, peer):.2f} | {goal} "
          f"| {median(mine, 1) / 1024:.0f} |", flush=True)


def made(name, make):
    path = MEDIA / name
    if not path.exists():
        MEDIA.mkdir(parents=True, exist_ok=True)
        print(f"making {name}", file=sys.stderr)
        part = path.with_name(f"part-{path.name}")
        make(part)
        part.rename(path)
    return path


def encode(path, seconds, rate, audio=True):
    """720p H.264 with B-frames at a constant rate, and AAC."""
    sound = ["-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds}", "-c:a", "aac"] if audio else []
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi",
         "-i", f"testsrc2=s=1280x720:r=30:d={seconds},noise=alls=20:allf=t", *sound,
         "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2",
         "-x264-params", "b-adapt=0:nal-hrd=cbr:force-cfr=1", "-b:v", rate, "-maxrate", rate, "-minrate", rate,
         "-bufsize", rate, "-g", "60", "-pix_fmt", "yuv420p", str(path)],
        check=True)


def goal(met):
    return "met" if met else "**not met**"


def head(title, *columns):
    """The heading and the first line of a Markdown table."""
    print(f"\n## {title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def line(*cells):
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def load():
    print(f"\nLoad average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n", flush=True)


def install(what, venv, requirements, python="python3"):
    """Python packages of peers, with these hashes, in an environment of their own."""
    pins = venv / "pins"
    if pins.exists() and pins.read_text() == requirements.read_text():
        return
    print(f"installing {what}", file=sys.stderr)
    subprocess.run([python, "-m", "venv", "--clear", venv], check=True)
    pip = [venv / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "install", "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", requirements],
                   check=True)
    pins.write_text(requirements.read_text())
