#!/usr/bin/env python3
"""par7z against other programs, both ways.

  scripts/interop.py --bin target/debug/par7z [--only REGEX] [--keep FOLDER]

par7z writes over a table of options; 7-Zip tests and extracts, libarchive's bsdtar extracts where it can, par7z itself
too. Then 7-Zip writes over a table of its own, and par7z lists, tests and extracts. Every extracted tree is compared
with the input: names, bytes, modes, times to the 100 ns that .7z holds, links. At the end a line `interop: N passed, M failed`."""
import argparse, hashlib, os, random, re, shutil, stat, subprocess, sys, tempfile

PASSWORD = 'pass w\u00f6rd'
TIMEOUT_S = 300


def make_input(root):
    """A tree with what archives stumble over."""
    rng = random.Random(7)
    words = [bytes(rng.choice(b'abcdefghijklmnop') for _ in range(rng.randint(2, 9))) for _ in range(500)]

    def text(size):
        out = bytearray()
        while len(out) < size:
            out += rng.choice(words) + b' '
        return bytes(out[:size])

    def put(name, content, mode=0o644):
        path = os.path.join(root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(content)
        os.chmod(path, mode)
        os.utime(path, ns=(0, 1_600_000_000_000_000_000 + len(name) * 1_000_000_100))

    put('text.txt', text(1_500_000))
    put('noise.bin', rng.randbytes(300_000))
    put('zeros.bin', bytes(400_000))
    with open(os.path.realpath(sys.executable), 'rb') as file:
        put('program', file.read(600_000), 0o755)
    put('empty', b'')
    put('one-byte', b'\n')
    put('names/with space.txt', text(100))
    put('names/\u00fcml\u00e4ut \u65e5\u672c \U0001f600.txt', text(101))
    put('names/' + 'long' * 50 + '.txt', text(102))
    put('names/-dash.txt', text(103))
    put('read-only.txt', text(500), 0o444)
    for n in range(200):
        put(f'many/{n % 7}/{n:03}.c', text(rng.randint(0, 3000)))
    os.makedirs(os.path.join(root, 'hollow/inner'))
    os.symlink('text.txt', os.path.join(root, 'link'))


def picture(root, links):
    """What a tree looks like; links either as such or as what they point to."""
    seen = {}
    for folder, folders, files in os.walk(root):
        for name in folders:
            seen[os.path.relpath(os.path.join(folder, name), root)] = 'folder'
        for name in files:
            path = os.path.join(folder, name)
            if os.path.islink(path) and links:
                seen[os.path.relpath(path, root)] = ('link', os.readlink(path))
                continue
            with open(path, 'rb') as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            status = os.stat(path)
            seen[os.path.relpath(path, root)] = (digest, oct(stat.S_IMODE(status.st_mode)), status.st_mtime_ns // 100)
    return seen


def differences(want, got, only_bytes=False):
    def short(value):
        return value[:1] if only_bytes and isinstance(value, tuple) and value[0] != 'link' else value

    out = []
    for name in sorted(want.keys() | got.keys()):
        if short(want.get(name, 'absent')) != short(got.get(name, 'absent')):
            out.append(f'{name}: {got.get(name, "absent")}, should be {want.get(name, "absent")}')
    return out


# (label, switches for writing, does it encrypt, does bsdtar read it)
WRITE = [
    ('defaults', [], False, True),
    *[(f'mx{level}', [f'-mx={level}'], False, True) for level in (0, 1, 3, 7, 9)],
    *[(method.lower(), [f'-m0={method}'], False, True) for method in ('Copy', 'LZMA', 'LZMA2', 'BZip2', 'Deflate')],
    # libarchive 3.6 does not read PPMd behind a filter, whoever wrote it.
    ('ppmd', ['-m0=PPMd'], False, False),
    ('ppmd-no-filter', ['-m0=PPMd', '-mf=off'], False, True),
    ('lzma2-params', ['-m0=LZMA2:d=1m:fb=64:lc=2:lp=1:pb=1'], False, True),
    ('solid', ['-ms=on'], False, True),
    ('solid-100k', ['-ms=100k'], False, True),
    ('solid-20-files', ['-ms=20f'], False, True),
    ('no-filter', ['-mf=off'], False, True),
    ('bcj', ['-mf=BCJ'], False, True),
    ('delta', ['-mf=Delta:4'], False, True),
    ('arm64', ['-mf=ARM64'], False, False),
    ('plain-header', ['-mhc=off'], False, True),
    ('one-thread', ['-mmt=1'], False, True),
    ('many-threads', ['-mmt=16'], False, True),
    ('password', [f'-p{PASSWORD}'], True, False),
    ('hidden-names', [f'-p{PASSWORD}', '-mhe=on'], True, False),
    ('solid-ppmd-password', [f'-p{PASSWORD}', '-ms=on', '-m0=PPMd'], True, False),
    ('links', ['-snl'], False, True),
    ('all-times', ['-mtc=on', '-mta=on'], False, True),
    ('volumes', ['-v150k'], False, False),
    ('volumes-password', ['-v150k', f'-p{PASSWORD}', '-mhe=on'], True, False),
]
READ = [
    ('defaults', [], False),
    *[(f'mx{level}', [f'-mx={level}'], False) for level in (0, 1, 9)],
    *[(method.lower(), [f'-m0={method}'], False) for method in ('Copy', 'LZMA', 'LZMA2', 'PPMd', 'BZip2', 'Deflate', 'Deflate64')],
    *[(f'filter-{name.lower()}', [f'-mf={name}'], False) for name in ('BCJ', 'BCJ2', 'ARM', 'ARMT', 'ARM64', 'PPC', 'SPARC', 'IA64', 'RISCV', 'Delta:3')],
    ('non-solid', ['-ms=off'], False),
    ('plain-header', ['-mhc=off'], False),
    ('password', [f'-p{PASSWORD}'], True),
    ('hidden-names', [f'-p{PASSWORD}', '-mhe=on'], True),
    ('bcj2-password', [f'-p{PASSWORD}', '-mf=BCJ2'], True),
    ('links', ['-snl'], False),
    ('volumes', ['-v150k'], False),
    ('two-chains', ['-m0=LZMA', '-m1=LZMA2', '-mb0:1'], False),
]


class Failed(Exception):
    pass


def call(program, *arguments, cwd=None, ok=(0,)):
    done = subprocess.run([program, *arguments], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)
    text = (done.stdout + done.stderr).decode('utf-8', 'replace')
    if done.returncode not in ok:
        raise Failed(f'{os.path.basename(program)} {" ".join(arguments)}: exit {done.returncode}\n{text[-800:]}')
    return text


def compare(step, want, folder, links, only_bytes=False):
    found = differences(want, picture(folder, links), only_bytes)
    if found:
        raise Failed(f'{step}: {len(found)} differences, such as ' + '\n    '.join(found[:4]))


class Case:
    """A folder for one case, and what its input looks like."""

    def __init__(self, bench, label, switches, encrypted):
        self.dir = os.path.join(bench.dir, re.sub(r'\W', '_', label))
        os.makedirs(self.dir)
        self.input = bench.input
        self.links = '-snl' in switches
        self.want = picture(bench.input, self.links)
        self.secret = [f'-p{PASSWORD}'] if encrypted else []
        self.archive = os.path.join(self.dir, 'a.7z')
        self.first = self.archive + '.001' if any(switch.startswith('-v') for switch in switches) else self.archive

    def out(self, name):
        return os.path.join(self.dir, name)

    def extract(self, program, name):
        out = self.out(name)
        call(program, 'x', f'-o{out}', *self.secret, '-y', self.first)
        compare(f'{name} x', self.want, out, self.links)


def check_written(bench, label, switches, encrypted, bsdtar):
    case = Case(bench, 'write ' + label, switches, encrypted)
    call(bench.par7z, 'a', case.archive, '.', *switches, cwd=case.input)
    tested = call('7zz', 't', *case.secret, case.first)
    if 'Everything is Ok' not in tested or re.search('warning', tested, re.I):
        raise Failed(f'7zz t:\n{tested[-800:]}')
    case.extract('7zz', 'by-7zz')
    call(bench.par7z, 't', *case.secret, case.first)
    case.extract(bench.par7z, 'by-par7z')
    if bsdtar and bench.bsdtar:
        os.makedirs(case.out('by-bsdtar'))
        call('bsdtar', '-xf', case.archive, '-C', case.out('by-bsdtar'))
        # libarchive 3.6 applies the umask; its modes and sub-second times are its own affair.
        compare('bsdtar x', case.want, case.out('by-bsdtar'), case.links, only_bytes=True)


def check_read(bench, label, switches, encrypted):
    case = Case(bench, 'read ' + label, switches, encrypted)
    call('7zz', 'a', case.archive, '.', *switches, cwd=case.input)
    listing = call(bench.par7z, 'l', '-slt', *case.secret, case.first)
    for name in case.want:
        if f'Path = {name}\n' not in listing:
            raise Failed(f'par7z l: {name} is not listed')
    call(bench.par7z, 't', *case.secret, case.first)
    case.extract(bench.par7z, 'by-par7z')
    if encrypted:
        call(bench.par7z, 't', '-pwrong', case.first, ok=(2,))


def check_same_bytes(bench, switches):
    """The archive does not depend on the number of threads."""
    digests = set()
    for threads in (1, 2, 5, 16):
        archive = os.path.join(bench.dir, f'same-{threads}.7z')
        if os.path.exists(archive):
            os.remove(archive)
        call(bench.par7z, 'a', archive, '.', f'-mmt={threads}', *switches, cwd=bench.input)
        with open(archive, 'rb') as file:
            digests.add(hashlib.sha256(file.read()).hexdigest())
    if len(digests) != 1:
        raise Failed(f'{len(digests)} different archives with 1, 2, 5 and 16 threads')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bin', required=True, help='the par7z program')
    parser.add_argument('--only', default='', help='only cases whose label this expression finds')
    parser.add_argument('--keep', help='work in this folder and leave it')
    bench = parser.parse_args()
    bench.par7z = os.path.abspath(bench.bin)
    bench.bsdtar = shutil.which('bsdtar')
    if not shutil.which('7zz'):
        sys.exit('interop: 7zz is missing')
    bench.dir = tempfile.mkdtemp(prefix='par7z-interop-') if not bench.keep else os.path.abspath(bench.keep)
    bench.input = os.path.join(bench.dir, 'input')
    os.makedirs(bench.input)
    make_input(bench.input)

    cases = [('write ' + row[0], check_written, row) for row in WRITE]
    cases += [('read ' + row[0], check_read, row) for row in READ]
    cases += [('same bytes ' + ' '.join(row[0]), check_same_bytes, row) for row in ([[]], [['-ms=on']], [['-mx=1']], [['-m0=PPMd']])]
    passed = failed = 0
    for label, check, row in cases:
        if not re.search(bench.only, label):
            continue
        try:
            check(bench, *row)
            passed += 1
        except (Failed, subprocess.TimeoutExpired, OSError) as error:
            failed += 1
            print(f'FAILED {label}: {error}')
    if not bench.keep:
        shutil.rmtree(bench.dir)
    print(f'interop: {passed} passed, {failed} failed')
    sys.exit(1 if failed or not passed else 0)


main()
