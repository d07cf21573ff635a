#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Includes follow the table in docs/architecture.md; and the check itself sees
# an include that does not, and a folder or a row that it knows nothing of.
set -euo pipefail
tools/check-layers
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r src app ports boards cli sim firmware bench include docs tools "$copy"
cd "$copy"
seen=0

# noticed WORDS: the check fails, with these among its own.
noticed() {
    if tools/check-layers >out; then
        echo "not noticed: $1" >&2
        exit 1
    fi
    grep -qF -- "$1" out || {
        cat out >&2
        echo "said otherwise than: $1" >&2
        exit 1
    }
    seen=$((seen + 1))
}

# with FILE LINE WORDS: noticed with this line on top of the file.
with() {
    cp "$1" kept
    { echo "$2"; cat kept; } >"$1"
    noticed "$3"
    cp kept "$1"
}

with src/mqtt/topic.c '#include "cleat/tls.h"' 'src/mqtt/topic.c:1: mqtt must not use tls'
with src/mqtt/session/rx.c '#include "client/client.h"' 'mqtt must not use client'
with ports/linux/net.c '#include "cleat/nothing.h"' 'ports/linux/net.c:1: cleat/nothing.h is in no layer'
with bench/report.c '#include "cleat/device.h"' 'bench/report.c:1: bench must not use app'
with app/device.c '#include "tests/support/kernel.h"' 'app/device.c:1: tests/support/kernel.h is for no layer'
echo "/* */" >include/cleat/nothing.h
noticed 'cleat/nothing.h: is in no layer'
rm include/cleat/nothing.h

# A new port: without a row, and with one, however it writes its include.
mkdir ports/new
cp ports/bare/port.c ports/new
noticed 'ports/new/port.c: is in no layer'
table=docs/architecture.md
sed -i 's/^| `bare` .*/&\n| `new` | `ports\/new` | | base |/' "$table"
for line in '#include "cleat/tls.h"' '#include <cleat/tls.h>' ' # include "tls/context.h"' \
    '#include "../../src/tls/context.h"' '#include "src/tls/context.h"'; do
    with ports/new/port.c "$line" 'ports/new/port.c:1: new must not use tls'
done
noticed 'ports/new/port.c:6: new must not use bare'
rm -r ports/new
noticed 'layer new: no source in ports/new'
sed -i 's/^| `new` .*/| `bare2` | `ports\/bare` | nothing | base something |/' "$table"
noticed 'layer bare2: there is no cleat/nothing.h'
noticed 'layer bare2 may use something, which is none'
echo "$seen wrong ones noticed"
