#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Includes follow the table in docs/architecture.md; and the check itself sees
# an include that does not.
set -euo pipefail
tools/check-layers
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r src app ports boards cli sim firmware include docs tools "$copy"
sed -i '1i #include "cleat/tls.h"' "$copy/src/mqtt/topic.c"
if "$copy/tools/check-layers" >"$copy/out"; then
    echo "a session that includes TLS was not noticed" >&2
    exit 1
fi
grep -q 'src/mqtt/topic.c:1: mqtt must not use tls' "$copy/out"
