"""The figures as markdown tables, those of bench/run as a picture, too, and docs/performance.md."""
import os, sys


def head(*columns):
    return '| ' + ' | '.join(columns) + ' |\n|' + '|'.join(['---'] + ['---:'] * (len(columns) - 1)) + '|'


# (the method of Bench and key of the results, the title, the head of its table)
SECTIONS = [
    ('beside_7zip', '## Beside 7-Zip',
     head('work', 'options', 'files', 'MB', 'par7z s', '7zz s', 'time', 'par7z CPU s', '7zz CPU s', 'par7z busy', '7zz busy',
          'par7z peak MB', '7zz peak MB', 'par7z bytes', '7zz bytes', 'size')),
    ('encryption', '## Encryption', head('level', 'without s', 'with s', 'wall', 'without CPU s', 'with CPU s', 'CPU')),
    ('scaling', '## Very many items', head('items', 'par7z s', '7zz s', 'time', 'to the row above', 'par7z peak MB', '7zz peak MB', 'peak bytes an item')),
    ('budget', '## Memory budget', head('budget', 'options', 'item MB', 's', 'peak MB')),
]


def mb(size):
    return f'{size / 1e6:,.0f}'


def row(*cells):
    return '| ' + ' | '.join(cells) + ' |'


def main_row(r, cores):
    ours, theirs = r['ours'], r['theirs']
    busy = [f'{100 * side["cpu"] / side["wall"] / cores:.0f} %' for side in (ours, theirs)]
    return row(r['label'], f'`{r["switches"]}`', f'{r["files"]:,}', f'{r["bytes"] / 1e6:,.1f}', f'{ours["wall"]:.2f}', f'{theirs["wall"]:.2f}',
               f'**{ours["wall"] / theirs["wall"]:.2f}**', f'{ours["cpu"]:.2f}', f'{theirs["cpu"]:.2f}', *busy, mb(ours['rss']),
               mb(theirs['rss']), f'{int(ours["size"]):,}', f'{int(theirs["size"]):,}', f'{ours["size"] / theirs["size"]:.4f}')


def encryption_row(r):
    without, secret = r['without'], r['with_password']
    change = [f'{100 * (secret[key] / without[key] - 1):+.1f} %' for key in ('wall', 'cpu')]
    return row(str(r['level']), f'{without["wall"]:.2f}', f'{secret["wall"]:.2f}', change[0], f'{without["cpu"]:.2f}', f'{secret["cpu"]:.2f}', change[1])


def scaling_row(r, rows):
    ours, theirs = r['ours'], r['theirs']
    at = rows.index(r)
    step = f'× {ours["wall"] / rows[at - 1]["ours"]["wall"]:.2f}' if at else ''
    return row(f'{r["items"]:,}', f'{ours["wall"]:.2f}', f'{theirs["wall"]:.2f}', f'**{ours["wall"] / theirs["wall"]:.2f}**', step, mb(ours['rss']),
               mb(theirs['rss']), f'{ours["rss"] / r["items"]:,.0f}')


def budget_row(r):
    used = r['used']
    return row(r['budget'], f'`{r["switches"]}`', mb(r['size']), f'{used["wall"]:.2f}', mb(used['rss']))


def table(results, section):
    rows = results[section]
    if section == 'beside_7zip':
        return [main_row(r, results['machine']['cores']) for r in rows]
    if section == 'scaling':
        return [scaling_row(r, rows) for r in rows]
    return [{'encryption': encryption_row, 'budget': budget_row}[section](r) for r in rows]


NOTES = {
    'beside_7zip': '*time* and *size* are par7z divided by 7zz: below 1 is better. *busy* is CPU time by wall time and cores. '
                   '7-Zip compresses the items of one folder after another; with `-ms=off` it has little to do in parallel.',
    'encryption': 'par7z on the kernel sources, a folder each, with `-p` and without. The password costs a fixed key derivation '
                  '(2^19 rounds of SHA-256) once, and AES for what is written.',
    'scaling': 'Items of about 60 bytes, a folder each, `-mx=1`. Twice the items should take twice the time.',
    'budget': 'One item of x86-64 programs. The peak is the budget, the encoders and the program itself; it does not depend '
              'on the item. The last row filters and encrypts too.',
}


def measured(about, runs, command):
    """How the figures below it came about."""
    lines = [
        f'Measured on {about["date"]} with `{command}`: {about["cores"]} cores of {about["cpu"]}, {about["memory"] / 2**30:.0f} GiB of memory, '
        f'against {about["seven_zip"]}. {"One run" if runs == 1 else f"Medians of {runs} runs"} of each program, in turns. '
        f'Load of the machine by other work when it began: {about["load"]:.1f}. Every archive was tested by 7-Zip. '
        'The inputs are files of Debian packages (`bench/fetch.sh`).', '']
    if about['load'] > 0.5:
        lines += ['**The machine was not idle.** Figures compare the two programs, which ran in turns; absolute ones are too high.', '']
    return lines


def write_part(root, command, lines):
    """The part of docs/performance.md that a command writes, between its two marks."""
    path = os.path.join(root, 'docs/performance.md')
    begin, end = f'<!-- {command} -->\n', f'<!-- end of {command} -->\n'
    with open(path) as file:
        before, found_begin, rest = file.read().partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        sys.exit(f'docs/performance.md lacks the marks of {command}: {begin.strip()} and {end.strip()}')
    with open(path, 'w') as file:
        file.write(before + begin + '\n' + '\n'.join(lines).rstrip() + '\n\n' + end + after)


def write(root, results):
    """docs/performance.md and docs/speed.svg."""
    lines = measured(results['machine'], results['runs'], 'bench/run')
    for section, title, columns in SECTIONS:
        if results[section]:
            lines += [title, '', columns, *table(results, section), '', NOTES[section], '']
    write_part(root, 'bench/run', lines)
    with open(os.path.join(root, 'docs/speed.svg'), 'w') as file:
        file.write(picture(results['beside_7zip'], results['machine']))


def text(x, y, content, size=13, anchor='start', fill='#1f2933', weight='400'):
    content = content.replace('&', '&amp;').replace('<', '&lt;')
    return f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}" font-weight="{weight}">{content}</text>'


def picture(rows, about):
    """Bars of throughput, 7-Zip's as the measure: one pair for each kind of work."""
    width, left, right, top, pitch = 860, 262, 108, 78, 58
    height = top + pitch * len(rows) + 34
    speed = [(r['bytes'] / 1e6 / r['ours']['wall'], r['bytes'] / 1e6 / r['theirs']['wall']) for r in rows]
    # Each pair is drawn to its own scale: pictures and level 1 are ten times as fast as level 9.
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">',
        '<title>Speed of par7z and 7-Zip on the same work</title>',
        f'<rect width="{width}" height="{height}" rx="10" fill="#ffffff"/>',
        text(24, 34, 'Speed on the same work with the same options', 18, weight='600'),
        text(24, 55, f'MB of input per second, {about["cores"]} cores, LZMA2; longer is better; each pair to its own scale', 12.5, fill='#616e7c'),
        f'<rect x="{width - 190}" y="24" width="12" height="12" rx="3" fill="#0b7285"/>', text(width - 172, 35, 'par7z', 13),
        f'<rect x="{width - 110}" y="24" width="12" height="12" rx="3" fill="#cbd2d9"/>', text(width - 92, 35, about['seven_zip'], 13),
    ]
    for at, (r, (ours, theirs)) in enumerate(zip(rows, speed)):
        y = top + at * pitch
        scale = (width - left - right) / max(ours, theirs)
        name, _, detail = r['label'].partition(' (')
        parts.append(text(24, y + 17, name, 13.5, weight='600'))
        parts.append(text(24, y + 34, f'{r["files"]:,} {"file" if r["files"] == 1 else "files"}, {r["bytes"] / 1e6:,.0f} MB, {r["switches"].replace("-mmt=" + str(about["cores"]), "").strip()}', 11.5, fill='#616e7c'))
        for offset, value, colour, dark in ((2, ours, '#0b7285', '#0b7285'), (22, theirs, '#cbd2d9', '#616e7c')):
            parts.append(f'<rect x="{left}" y="{y + offset}" width="{max(2, value * scale):.1f}" height="17" rx="3" fill="{colour}"/>')
            label = f'{value:,.1f}' + (f'  ({ours / theirs:.1f}×)' if value is ours and offset == 2 else '')
            parts.append(text(left + max(2, value * scale) + 7, y + offset + 13, label, 12, fill=dark, weight='600' if offset == 2 else '400'))
    parts.append(text(24, height - 14, f'{about["cpu"]}, {about["date"]}. Figures: docs/performance.md', 11, fill='#9aa5b1'))
    return '\n'.join(parts + ['</svg>']) + '\n'
