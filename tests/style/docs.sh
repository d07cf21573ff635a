#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the documents tell to type exists: C blocks compile, options are in the
# command's --help, make targets in the Makefile, settings in the table.
set -euo pipefail
bin=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
report() {
    echo "$1" >&2
    status=1
}
docs=(README.md CONTRIBUTING.md docs/*.md)

# A comment <!-- c ... --> holds what the next block takes for granted; the
# block is then the body of a function. Without one it is a file. After a line
# <!-- of FILE --> it is a part of that file, to the letter, which is compiled
# elsewhere.
awk -v dir="$work" '
FNR == 1 { prelude = part_of = ""; inside = taking = 0 }
/^<!-- of .* -->$/ { part_of = $3; next }
/^<!-- c$/ { taking = 1; next }
taking && /^-->$/ { taking = 0; next }
taking { prelude = prelude $0 "\n"; next }
/^```c$/ {
    inside = 1
    file = sprintf("%s/%03d.%s", dir, ++n, part_of != "" ? "part" : "c")
    if (part_of != "") { print part_of > file; part_of = ""; next }
    printf "/* %s:%d */\n", FILENAME, FNR > file
    if (prelude != "") printf "%s\nvoid block(void);\nvoid block(void) {\n", prelude > file
    next
}
/^```/ && inside {
    if (prelude != "") print "}" > file
    close(file); inside = 0; prelude = ""
    next
}
inside { print > file }' "${docs[@]}"
blocks=0
for file in "$work"/*.c; do
    [ -e "$file" ] || break
    blocks=$((blocks + 1))
    gcc -std=c11 -Wall -Wextra -Werror -Iinclude -fsyntax-only "$file" ||
        report "$(head -n 1 "$file"): this block does not compile"
done
[ "$blocks" -gt 0 ] || report "no C block found in the documents"
parts=0
for file in "$work"/*.part; do
    [ -e "$file" ] || break
    parts=$((parts + 1))
    whole=$(head -n 1 "$file")
    part=$(tail -n +2 "$file")
    [[ $(<"$whole") == *"$part"* ]] ||
        report "a C block that says it is of $whole is not in it: $(sed -n 2p "$file")"
done

# Commands: fenced lines (continued ones joined) and `inline` ones.
awk '/^ *```/ { fence = !fence; next }
fence { line = line $0; if (sub(/\\$/, "", line)) next; print FILENAME ": " line; line = ""; next }
{ n = split($0, part, "`"); for (i = 2; i <= n; i += 2) print FILENAME ": " part[i] }' \
    "${docs[@]}" >"$work/commands"
options=0
for name in run kit pub sub bench chip cert config doctor aws factory completion; do
    "$bin/cleat" "$name" --help >"$work/$name.help" || report "cleat $name --help fails"
    [ -s "$work/$name.help" ] || report "cleat $name --help says nothing"
    while IFS=: read -r doc rest; do
        for option in $(grep -oE -- '(^|[ [])--[a-z][a-z-]*' <<<"$rest" | tr -d ' ['); do
            options=$((options + 1))
            [ "$option" = --help ] || grep -qE -- "(^|[ ,[])$option\b" "$work/$name.help" ||
                report "$doc: cleat $name has no $option in its --help"
        done
    done < <(sed -nE "s/^([^:]*): .*\bcleat $name\b([^|>&#]*).*/\1: \2/p" "$work/commands")
done
[ "$options" -gt 10 ] || report "only $options options found in the documents"

make -pnq 2>/dev/null | sed -nE 's/^([a-z][a-z-]*):.*/\1/p' | sort -u >"$work/targets" || true
targets=0
for target in $(sed -nE 's/.*(^|[ `|])make( -s)? ([a-z]+(-[a-z]+)*).*/\3/p' "$work/commands" | sort -u); do
    targets=$((targets + 1))
    grep -qx -- "$target" "$work/targets" || report "make $target is in the documents and not in the Makefile"
done
[ "$targets" -gt 3 ] || report "only $targets make targets found in the documents"
for target in $(sed -nE 's/^([a-z-]+):.*## .*/\1/p' Makefile); do
    make -n "$target" >/dev/null 2>&1 || report "make $target cannot even be planned"
done

"$bin/cleat" config list | sed -nE 's/^([A-Z_]+) = .*/\1/p' >"$work/settings"
for name in $(grep -ohE '\b(MQTT|WIFI|TLS|MAX_MQTT|MAX_WIFI)_[A-Z_]+\b' "${docs[@]}" docs/man/*.scd | sort -u); do
    grep -qx "$name" "$work/settings" || case $name in
    *_) ;; # `WIFI_`: a family
    *) report "$name is in the documents and is no setting" ;;
    esac
done

# Files, and the functions said to be in them.
places() { # text in, "FILE FUNCTION" or "FILE" out
    grep -oE '`[a-z0-9_]+/[a-z0-9_/]+\.(c|h|sh|cmake)`((: | \()`[a-z_0-9]+`)?' "$@" |
        sed -E 's/^`//; s/`(: | \()`/ /; s/`$//'
}
files=0
while read -r file function; do
    files=$((files + 1))
    for base in . include src src/se/drivers cli; do
        [ ! -e "$base/$file" ] || break
    done
    if [ ! -e "$base/$file" ]; then
        report "$file is in the documents and not in the tree"
    elif [ -n "$function" ] && ! grep -q "\b$function(" "$base/$file"; then
        report "$file has no function $function, as the documents say"
    fi
done < <(places -h "${docs[@]}" | sort -u)
[ "$files" -gt 30 ] || report "only $files files found in the documents"

# Manual pages: rendered without a warning, and each page of commands has the
# options of their --help, no more and no less.
pages=0
for source in docs/man/*.scd; do
    page=$work/$(basename "$source" .scd)
    pages=$((pages + 1))
    if command -v scdoc >/dev/null; then
        scdoc <"$source" >"$page" 2>"$work/man.err" || report "$source: $(cat "$work/man.err")"
        ! command -v man >/dev/null ||
            LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$page" >/dev/null 2>"$work/man.err" || true
        [ ! -s "$work/man.err" ] || report "$source: $(cat "$work/man.err")"
    fi
done
command -v scdoc >/dev/null || echo "scdoc is not installed: the pages are not rendered"
[ "$pages" -ge 11 ] || report "only $pages manual pages"
# options_in FILE...: --long, and -s where a letter begins a line's list.
options_in() {
    sed -e '/^```/,/^```/d' -e '/^# SEE ALSO/,$d' "$@" | tr -d '*_\\' | tr '\t' ' ' |
        grep -oE -- '(^|[] ,([{|`])(--[a-z][a-z-]*[a-z]|-[A-Za-z]\b)' | grep -oE -- '-.*' | grep -vx -- --help | sort -u
}
for names in run,kit pub sub bench doctor aws factory chip cert; do
    page=docs/man/cleat-${names%%,*}.1.scd
    for name in ${names//,/ }; do
        cat "$work/$name.help"
    done >"$work/help"
    diff <(options_in "$work/help") <(options_in "$page") >"$work/diff" ||
        report "$page and --help differ in options: $(grep '^[<>]' "$work/diff" | tr '\n' ' ')"
done
# Every command is in the page of all.
for name in run kit pub sub bench chip cert config doctor aws factory completion; do
    grep -qE "^(\*[a-z]+\*, )?\*$name\*" docs/man/cleat.1.scd || report "cleat.1 does not tell of $name"
done
echo "$blocks C blocks, $parts parts of files, $files files, $options options, $targets make targets"
exit $status
