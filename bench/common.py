"""What bench/run and bench/lzma share: the inputs, one measured run, the machine."""
import argparse, collections, datetime, os, re, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
CORPORA = os.path.join(HERE, 'corpora')
OUT = os.path.join(HERE, 'out')
CORES = len(os.sched_getaffinity(0))
PAR7Z = os.path.join(ROOT, 'target/release/par7z')
# Archives hold times: what is made to be packed has this one wherever it is made, so that sizes compare to the byte.
MODIFIED = 1_000_000_000

Usage = collections.namedtuple('Usage', 'wall cpu user rss size')


def measure(argv, cwd, archive, cores=None, environment=None):
    """Runs once; wall, CPU and user CPU seconds, peak bytes of memory, bytes of the archive, which is new (None: nothing is written).
    `cores`: those that it may use. `environment`: variables besides those that are there."""
    if archive:
        for name in os.listdir(OUT):
            if name.startswith(os.path.basename(archive)):
                os.remove(os.path.join(OUT, name))
    with tempfile.TemporaryFile() as log:
        begin = time.monotonic()
        if cores:
            argv = ['taskset', '-c', ','.join(map(str, cores)), *argv]
        process = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | (environment or {}))
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            log.seek(0)
            sys.exit(f'{" ".join(argv)}: exit {process.returncode}\n{log.read()[-2000:].decode("utf-8", "replace")}')
    size = os.path.getsize(archive) if archive and os.path.exists(archive) else 0
    return Usage(wall, used.ru_utime + used.ru_stime, used.ru_utime, used.ru_maxrss * 1024, size)


def median(runs):
    return Usage(*(statistics.median(values) for values in zip(*runs)))


def in_turns(commands, cwd, runs):
    """Each command (its words, its archive) `runs` times, in turns; for each command the list of its runs."""
    results = [[] for _ in commands]
    for _ in range(runs):
        for result, (argv, archive) in zip(results, commands):
            result.append(measure(argv, cwd, archive))
    return results


def files_below(cwd, names):
    """The files that some names are or hold."""
    for name in names:
        top = os.path.join(cwd, name)
        if os.path.isfile(top):
            yield top
        for folder, _, inner in os.walk(top):
            yield from (os.path.join(folder, file) for file in inner)


def tree_size(cwd, names):
    """Files and bytes below some names."""
    sizes = [os.path.getsize(file) for file in files_below(cwd, names)]
    return len(sizes), sum(sizes)


def verify(archive, expected, password=None):
    """7zz must be content with the archive and find what went in."""
    done = subprocess.run(['7zz', 't', archive, *([f'-p{password}'] if password else [])], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    if done.returncode != 0 or 'Everything is Ok' not in done.stdout:
        sys.exit(f'7zz does not accept {archive}:\n{done.stdout[-1500:]}{done.stderr[-500:]}')
    if expected is None:
        return
    found = {key: int(value) for key, value in re.findall(r'^(Files|Size): +(\d+)', done.stdout, re.M)}
    got = (found.get('Files', 1), found.get('Size', 0))
    if got != expected:
        sys.exit(f'{archive}: 7zz finds {got} files and bytes, {expected} went in')


def corpus(name):
    """The folder of one of bench/fetch.sh's corpora."""
    folder = os.path.join(CORPORA, name)
    if not os.path.isdir(folder):
        sys.exit(f'{name} is missing: run bench/fetch.sh{" variety" if name.startswith("variety-") else ""}')
    return folder


def tar(path, parts, limit=None):
    """A tar of all in some folders, or of the names given beside a folder; made where it is missing, cut to `limit` bytes."""
    if os.path.exists(path):
        return
    new = path + '.new'
    command = ['tar', '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '-cf', new]
    for folder, names in parts:
        command += ['-C', folder, *(names or sorted(os.listdir(folder)))]
    subprocess.run(command, check=True)
    if limit:
        os.truncate(new, min(os.path.getsize(new), limit))
    os.utime(new, (MODIFIED, MODIFIED))
    os.rename(new, path)


def machine():
    """What a reader must know to judge the figures."""
    with open('/proc/cpuinfo') as file:
        cpu = re.search(r'^model name\s*:\s*(.*)$', file.read(), re.M)
    with open('/proc/meminfo') as file:
        memory = int(re.search(r'MemTotal:\s*(\d+)', file.read())[1]) * 1024
    version = subprocess.run(['7zz'], capture_output=True, text=True).stdout
    return dict(cpu=cpu[1] if cpu else 'unknown', cores=CORES, memory=memory, load=os.getloadavg()[0],
                seven_zip='7-Zip ' + re.search(r'7-Zip.*?([0-9]+\.[0-9]+)', version)[1], date=datetime.date.today().isoformat())


def options(description):
    """The options that both commands have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--runs', type=int, help='runs of each program for a row (default 3)')
    parser.add_argument('--only', default='', metavar='REGEX', help='only rows whose label this expression finds')
    parser.add_argument('--write', action='store_true', help='write docs/performance.md')
    return parser


def checked(arguments, programs):
    """Refuses what makes no sense, fills in the default, and makes room for the archives."""
    if arguments.write and (arguments.quick or arguments.only):
        sys.exit('--write is for the whole of it: without --quick and --only')
    if arguments.runs is not None and arguments.runs < 1:
        sys.exit('--runs: at least 1')
    arguments.runs = arguments.runs or (1 if arguments.quick else 3)
    for program in programs:
        if not os.path.exists(program):
            sys.exit(f'{program} is missing: cargo build --release -p par7z-cli, or --bin')
    os.makedirs(OUT, exist_ok=True)
