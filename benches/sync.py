#!/usr/bin/python3
"""How exactly recordings are aligned: gst-harmony align beside audio-offset-finder and syncstart, on the same corpus.

    python3 benches/sync.py [--only NAME ...] [--runs N] [--corpus FOLDER]

The corpus is what tests/python/sync_corpus.py makes, by default under target/bench-media (2 GB). Needs build/ (see
pipelines/setup.sh), flite and ffmpeg; the peers are installed under target/bench-peers. Errors are those of the
offset at the stream's start, middle and end, whichever is largest, unless a table says otherwise. Answers that are
wrong by more than 16 ms, pairs that are refused, and answers where there is none, are listed one by one.
"""
import argparse
import pathlib
import statistics
import sys

from harness import MEDIA, goal, head, install, line, load
from sync_tools import REQUIREMENTS, VENV, Finder, Harmony, Syncstart, corpus, first_bright_frames

WRONG_S = 0.016
# The position from which a drift counts as known, and how often a position is looked at, in seconds.
SETTLED_S, STEP_S = 10, 0.02
# What the recordings of 600 s need.
NEEDED_MIB = 7168


def at(ordered, share):
    """The smallest figure that at least `share` of all reach."""
    return ordered[max(0, -int(-len(ordered) * share // 1) - 1)] if ordered else float("nan")


def spread(errors):
    """Median, 95 %, 99 % and largest of absolute errors in seconds, as text in milliseconds."""
    ordered = sorted(map(abs, errors))
    figures = [statistics.median(ordered) if ordered else float("nan"), at(ordered, 0.95), at(ordered, 0.99),
               ordered[-1] if ordered else float("nan")]
    return [f"{1000 * figure:.4g}" for figure in figures]


def worst(pair, answer):
    """The error of the three places that is largest."""
    ends = 0, pair.truth["seconds"] / 2, pair.truth["seconds"]
    return max((pair.error(answer, own) for own in ends), key=abs)


def asked(tools, pairs):
    """Each tool's answers to each pair, in turn: by tool, a list of (pair, answer or None, what it cost)."""
    found = {tool.name: [] for tool in tools}
    for pair in pairs:
        for tool in tools:
            found[tool.name].append((pair, *tool.measure(pair)))
    return found


def failures(title, rows):
    if rows:
        print(f"\n{title}:\n")
        for row in sorted(rows):
            print(f"- {row}")


def figures_of(rows, error=worst):
    """Of answers: errors of all, how many are wrong by more than 16 ms, how many are not sure, and lines on both."""
    errors, wrong, unsure, lines = [], 0, 0, []
    for pair, answer, spent in rows:
        if answer is None or not answer.sure:
            unsure += 1
            lines.append(f"{pair.name}: {answer.word if answer else f'no answer, {spent.complaint}'}")
        if answer is None:
            continue
        off = error(pair, answer)
        if answer.sure:
            errors.append(off)
        if answer.sure and abs(off) > WRONG_S:
            wrong += 1
            lines.append(f"{pair.name}: off by {1000 * off:+.1f} ms ({answer.word})")
    return errors, wrong, unsure, lines


def costs(rows):
    spent = [cost for _, _, cost in rows]
    wall, cpu = (statistics.median(getattr(one, what) for one in spent) for what in ("wall_s", "cpu_s"))
    return [f"{wall:.2f}", f"{cpu:.2f}", f"{max(one.peak_kb for one in spent) / 1024:.0f}"]


def table(title, found, error=worst):
    head(title, "tool", "pairs", "answers", "median ms", "95 %", "99 %", "largest", "wrong > 16 ms", "refused", "s",
         "CPU s", "peak MiB")
    complaints = {}
    for name, rows in found.items():
        errors, wrong, unsure, complaints[name] = figures_of(rows, error)
        line(name, len(rows), len(errors), *spread(errors), wrong, unsure, *costs(rows))
    for name, rows in complaints.items():
        failures(f"{name}, wrong or refused", rows)


def by(found, word, what):
    """Medians and largest errors of sure answers for each value of `word`."""
    names = list(found)
    head(what, word, *(f"{name}: median, largest ms" for name in names))
    values = dict.fromkeys(label(pair, word) for pair, _, _ in found[names[0]])
    for value in values:
        cells = []
        for name in names:
            errors = figures_of([row for row in found[name] if label(row[0], word) == value])[0]
            shown = spread(errors)
            cells.append(f"{shown[0]}, {shown[3]}" if errors else "no answer")
        line(value, *cells)


def label(pair, word):
    if word == "condition":
        return "-".join(pair.name.split("-")[3:]) or "clean"
    return pair.truth[word]


def accuracy(tools, folder, _runs):
    found = asked(tools, corpus(folder, "accuracy"))
    table("Recordings of 60 s, no drift", found)
    by(found, "condition", "The same by condition")
    by(found, "kind", "The same by what is heard")
    errors = sorted(map(abs, figures_of(found[tools[0].name])[0]))
    reached = 1000 * at(errors, 0.99)
    print(f"\n99 % of ours within {reached:.4g} ms (goal ≤ 0.05: {goal(reached <= 0.05)})")


def apart(tools, folder, _runs):
    table("Recordings of 120 s begun 17 to 42 s apart, two rooms", asked(tools, corpus(folder, "apart")))


def drift(tools, folder, _runs):
    found = asked(tools, corpus(folder, "drift"))
    for place, share in (("middle", 0.5), ("end", 1.0)):
        table(f"Drift of 20 to 500 ppm over 60 s: at the {place}", found,
              lambda pair, answer, share=share: pair.error(answer, pair.truth["seconds"] * share))
    head("Drift of about 200 ppm: all positions behind 10 s", "tool", "within 1 ms", "99 % ms",
         "ppm off: median, largest")
    met = False
    for name, rows in found.items():
        errors, ppm = positions([row for row in rows if 190 < abs(row[0].truth["drift_ppm"]) < 210])
        if not errors:
            continue
        within, reached = sum(error <= 1e-3 for error in errors) / len(errors), 1000 * at(errors, 0.99)
        line(name, f"{100 * within:.1f} %", f"{reached:.4g}", f"{statistics.median(ppm):.3g}, {max(ppm):.3g}")
        met |= name == tools[0].name and within >= 0.95 and reached <= 1
    print(f"\nGoal ≥ 95 % within 1 ms and 99 % ≤ 1 ms: {goal(met)}")


def positions(rows):
    """Absolute errors at each position behind the settling time, sorted, and how far drifts are off in ppm."""
    errors, ppm = [], []
    for pair, answer, _ in rows:
        if answer is None or not answer.sure:
            continue
        ppm.append(abs(answer.ppm - pair.truth["drift_ppm"]))
        count = int((pair.truth["seconds"] - SETTLED_S) / STEP_S)
        errors += [abs(pair.error(answer, SETTLED_S + number * STEP_S)) for number in range(count)]
    return sorted(errors), ppm


def refused(group, title):
    def run(tools, folder, _runs):
        pairs = corpus(folder, group)
        found = asked(tools, pairs)
        windows = sum(int(pair.truth["seconds"] / 5) for pair in pairs)
        head(f"{title}: {len(pairs)} pairs, {windows} windows of 5 s", "tool", "false answers", "refused",
             "counts as an answer")
        for tool in tools:
            rows = found[tool.name]
            false = [f"{pair.name}: {answer.word}, {answer.offset_s:+.3f} s" for pair, answer, _ in rows
                     if answer is not None and answer.sure]
            line(tool.name, len(false), len(rows) - len(false), tool.threshold)
            if tool is tools[0]:
                ours = false
        print(f"\nGoal 0 false: {goal(not ours)}")
        failures("Ours, false", ours)
    return run


def spare_mib():
    """Memory that is free, or would be if it were needed."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) // 1024


def long(tools, folder, runs):
    pairs = corpus(folder, "long")
    if (spare := spare_mib()) < NEEDED_MIB:
        sys.exit(f"syncstart takes 5.3 GB for 600 s: {spare} MiB of memory are free, at least {NEEDED_MIB} are needed")
    rows = {tool.name: [] for tool in tools}
    for pair in pairs:
        for _ in range(runs):
            for tool in tools:
                rows[tool.name].append((pair, *tool.measure(pair)))
    table(f"Recordings of 600 s, {runs} runs each; error at the middle", rows,
          lambda pair, answer: pair.error(answer, pair.truth["seconds"] / 2))
    ours, finder, whole = ([spent for _, _, spent in rows[tool.name]] for tool in tools[:3])
    speed = statistics.median(a.wall_s / b.wall_s for a, b in zip(ours, finder))
    cpu = statistics.median(a.cpu_s / b.cpu_s for a, b in zip(ours, finder))
    memory = max(a.peak_kb for a in ours) / max(a.peak_kb for a in whole)
    print(f"\nTime {speed:.2f} of audio-offset-finder's, CPU time {cpu:.2f} (goal ≤ 0.25: {goal(speed <= 0.25)}); "
          f"memory {memory:.3f} of syncstart's (goal ≤ 0.1: {goal(memory <= 0.1)})")


def events(group, title):
    def run(tools, folder, _runs):
        ours = tools[0]
        pairs = [pair for pair in corpus(folder, group) if not pair.truth.get("muxed")]
        head(title, "pair", "state", "error ms", "claimed ms", "drift off ppm", "first bright frame ms")
        errors, honest, scripts, lost = [], 0, [], 0
        for pair in pairs:
            answer, spent = ours.measure(pair)
            script = first_bright_frames(pair) if "light" in pair.truth else []
            shown = f"{1000 * statistics.median(script):.1f}" if script else ""
            scripts += script
            if answer is None or not answer.sure:
                lost += 1
                line(pair.name, answer.word if answer else spent.complaint, "", "", "", shown)
                continue
            off = pair.error(answer, pair.truth["seconds"] / 2)
            errors.append(off)
            honest += abs(worst(pair, answer)) <= answer.uncertainty_s
            line(pair.name, answer.word, f"{1000 * off:+.2f}", f"{1000 * answer.uncertainty_s:.2f}",
                 f"{answer.ppm - pair.truth['drift_ppm']:+.1f}", shown)
        middle = spread(errors)[0]
        print(f"\n{len(pairs)} pairs, {lost} not locked; median {middle} ms (goal ≤ 1: {goal(float(middle) <= 1)}); "
              f"at the worst of start, middle and end {honest} of {len(errors)} within what is claimed")
        if scripts:
            print(f"First bright frame: median {1000 * statistics.median(scripts):.1f} ms")
    return run


BENCHES = {
    "accuracy": accuracy, "apart": apart, "drift": drift,
    "unrelated": refused("unrelated", "Recordings that have nothing to do with each other"),
    "loops": refused("loops", "A phrase of 1 to 2 s over and over"), "long": long,
    "flash": events("flash", "30 flashes and claps"),
    "sensor": events("sensor", "30 steps of a sensor at 100 Hz and claps"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(BENCHES), default=list(BENCHES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--corpus", type=pathlib.Path, default=MEDIA / "sync")
    args = parser.parse_args()
    install("audio-offset-finder and syncstart", VENV, REQUIREMENTS)
    tools = [Harmony(), Finder(), Syncstart()]
    short = corpus(args.corpus, "accuracy-speech-0-clean")[0]
    # Compiled kernels and byte code of the peers are made on the first run.
    for tool in tools:
        tool.measure(short)
    for name in args.only:
        BENCHES[name]([*tools, Syncstart(20)] if name == "long" else tools, args.corpus, args.runs)
        load()


if __name__ == "__main__":
    main()
