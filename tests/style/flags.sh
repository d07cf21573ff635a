#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every flag in the help of the installed mosquitto_pub and mosquitto_sub is in
# the table of docs/pub-sub.md; those that the table does not call "not offered"
# are in our help, and the others are refused with a reason.
set -euo pipefail
bin=$1
bad=0
complain() {
    echo "$*" >&2
    bad=1
}
table=$(sed -n '/^| flag | here/,$p' docs/pub-sub.md)
for tool in pub sub; do
    command -v "mosquitto_$tool" >/dev/null || { echo "no mosquitto_$tool (Debian: mosquitto-clients)" >&2; exit 1; }
    flags=$( (mosquitto_"$tool" --help 2>&1 || true) | grep -oE '(^|[ [(])--?[A-Za-z][a-z0-9-]*' | tr -d ' [(' | sort -u)
    [ "$(wc -l <<<"$flags")" -gt 30 ] || complain "the help of mosquitto_$tool is not as it was"
    help=$("$bin/cleat" "$tool" --help)
    for flag in $flags; do
        row=$(grep -E -- "^\|[^|]*\`$flag\`" <<<"$table" || true)
        case $row in
        '') complain "docs/pub-sub.md: $flag of mosquitto_$tool is missing" ;;
        *'not offered'*)
            said=$("$bin/cleat" "$tool" "$flag" x 2>&1 || true)
            [[ $said = *"$flag is not offered; "* ]] || complain "cleat $tool $flag: no reason given: $said"
            ;;
        *) grep -qE -- "(^|[^[:alnum:]-])$flag([^[:alnum:]-]|$)" <<<"$help" || complain "cleat $tool --help: no $flag" ;;
        esac
    done
done
exit $bad
