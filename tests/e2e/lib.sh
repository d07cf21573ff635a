# SPDX-License-Identifier: MIT
# What the end-to-end scripts share: a scratch folder, a CA, brokers on free
# loopback ports, waiting, and clean-up by process id. Source it; $1 is the
# folder of the built programs.
# shellcheck shell=bash
set -euo pipefail

bin=$(cd "${1:?usage: SCRIPT BIN-DIR}" && pwd)
export PATH="$bin:$PATH:/usr/sbin"
work=$(mktemp -d "${TMPDIR:-/tmp}/cleat-e2e.XXXXXX")
pids=()
checks=0

finish() {
    local status=$?
    trap - EXIT
    [ "$BASHPID" = $$ ] || exit $status # killed before it was another program
    # Once: a signal in the middle of a leak check makes that hang.
    for pid in $(jobs -pr); do
        kill "$pid" 2>/dev/null || true
        ! grep -qs '^State:.T ' "/proc/$pid/status" || kill -CONT "$pid" 2>/dev/null || true
    done
    local end=$((SECONDS + 30)) left
    while left=$(jobs -pr) && [ -n "$left" ]; do
        if [ $SECONDS -ge $end ]; then
            echo "not ok: these do not end by SIGTERM, and are killed:" >&2
            ps -o pid,args -p "${left//$'\n'/,}" >&2 || true
            # shellcheck disable=SC2086 # one each
            kill -KILL $left 2>/dev/null || true
            wait
            [ $status -ne 0 ] || status=1
        fi
        sleep 0.02
    done
    if [ $status -ne 0 ]; then
        echo "FAILED (status $status); last output:" >&2
        tail -n 40 "$work"/*.out "$work"/*.err "$work"/*.log >&2 2>/dev/null || true
    else
        echo "$checks checks passed"
    fi
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'exit 1' INT TERM

# background NAME COMMAND...: run with output in $work/NAME.out and .err;
# the process id is in $last.
background() {
    local name=$1
    shift
    "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
    last=$!
    pids+=("$last")
}

fail() {
    echo "not ok: $*" >&2
    exit 1
}

ok() {
    checks=$((checks + 1))
    echo "ok: $*"
}

# expect FILE PATTERN [SECONDS]: wait until a line matches (extended regex).
expect() {
    local end=$((SECONDS + ${3:-15}))
    until grep -aqE -- "$2" "$1" 2>/dev/null; do
        [ $SECONDS -lt $end ] || fail "no line like \"$2\" in $(basename "$1")"
        sleep 0.05
    done
}

# refuse FILE PATTERN: no line may match.
refuse() {
    ! grep -aqE -- "$2" "$1" || fail "unwanted line like \"$2\" in $(basename "$1")"
}

# status WANT COMMAND...: run it (output in $work/cmd.out, .err) and compare.
status() {
    local want=$1 got=0
    shift
    "$@" >"$work/cmd.out" 2>"$work/cmd.err" </dev/null || got=$?
    [ "$got" = "$want" ] || {
        cat "$work/cmd.out" "$work/cmd.err" >&2
        fail "exit status $got, not $want, of: $*"
    }
}

free_port() {
    local port
    for _ in $(seq 50); do
        port=$((20000 + RANDOM % 12000)) # below the ports the system hands out
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo $port
            return
        fi
    done
    fail "no free port"
}

listening() {
    local end=$((SECONDS + 20))
    until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do
        [ $SECONDS -lt $end ] || fail "nothing listens on port $1"
        sleep 0.05
    done
}

# make_ca NAME: $work/NAME.pem and NAME.key.
make_ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout "$work/$1.key" -out "$work/$1.pem" -days 30 -subj "/CN=$1" \
        -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign >/dev/null 2>&1
}

# issue CA NAME EXTENSIONS [x509 OPTIONS...]: $work/NAME.pem and NAME.key.
issue() {
    local ca=$1 name=$2 ext=$3
    shift 3
    openssl req -newkey "${KEY_TYPE:-ec}" ${KEY_OPT--pkeyopt ec_paramgen_curve:P-256} -nodes \
        -keyout "$work/$name.key" -out "$work/$name.csr" -subj "/CN=$name" \
        >/dev/null 2>&1
    openssl x509 -req -in "$work/$name.csr" -CA "$work/$ca.pem" \
        -CAkey "$work/$ca.key" -CAcreateserial -out "$work/$name.pem" \
        -extfile <(printf '%b' "$ext") "$@" >/dev/null 2>&1
}

# broker NAME PORT LINES: mosquitto with this listener configuration.
broker() {
    printf 'listener %s 127.0.0.1\n%b\nlog_dest stderr\nlog_type all\n' \
        "$2" "$3" >"$work/$1.conf"
    [ "$(id -u)" -ne 0 ] || echo "user root" >>"$work/$1.conf"
    background "$1" mosquitto -c "$work/$1.conf"
    listening "$2"
}

# sent_anew LOG CLIENT: how many messages Mosquitto sent that client once more
# after its own PUBREL for them, which no client can know any longer: see
# docs/conformance.md. It happens when a connection ends while PUBRELs go out.
sent_anew() {
    awk -v to="$2" '
        /Sending PUBREL to / && $5 == to { id = $6; gsub(/[^0-9]/, "", id); released[id] = 1 }
        /Received PUBCOMP from / && $5 == to { id = $0; sub(/.*Mid: /, "", id); sub(/[^0-9].*/, "", id); delete released[id] }
        /Sending PUBLISH to / && $5 == to {
            id = $9; gsub(/[^0-9]/, "", id)
            if (id in released) { n++; delete released[id] }
        }
        END { print n + 0 }' "$1"
}
