#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat pub` and `cleat sub` take up the last TLS session: over calls by a file,
# after a lost connection in memory. What the chip did is read from the virtual
# chip's own trace, not from what the client says.
. "$(dirname "$0")/lib.sh"

make_ca ca
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
issue ca other 'extendedKeyUsage=clientAuth'
cleat-chipsim --dir "$work/chip" --print-info >/dev/null
background chip cleat-chipsim --dir "$work/chip" --listen "$work/chip.sock" --trace
expect "$work/chip.out" listening
cat "$work/ca.pem" "$work/chip/factory-ca.pem" >"$work/clients.pem"
port=$(free_port)
lines="cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
broker broker "$port" "$lines"
broker_pid=$last
tls=(-h localhost -p "$port" --cafile "$work/ca.pem" --chip "unix:$work/chip.sock")
keep=(--tls-session-file "$work/session")

# chip_did WHAT...: run it; the commands that the chip got meanwhile.
chip_did() {
    local from
    from=$(wc -l <"$work/chip.err")
    status 0 "$@"
    tail -n "+$((from + 1))" "$work/chip.err" | sed -n 's/^.* \([A-Za-z]*\) cmd=.*/\1/p' | sort -u | tr '\n' ' '
}
works='CalcSign|CalcSSec|GenKeyPair|GetRandom|VerifySign|CalcHash'
at_rest() { # at_rest WHAT...: connects, and the chip is opened and its certificate read, no more
    local did
    did=$(chip_did "$@")
    [ -n "$did" ] || fail "the trace shows nothing at all: the test looks at the wrong place"
    [[ ! $did =~ $works ]] || fail "the chip worked: $did"
}
at_work() {
    local did
    did=$(chip_did "$@")
    [[ $did =~ CalcSign && $did =~ GenKeyPair && $did =~ CalcSSec ]] || fail "the chip did not work: $did"
}

at_work cleat pub "${tls[@]}" -t here -m one
at_work cleat pub "${tls[@]}" -t here -m two
at_work cleat pub "${tls[@]}" --tls-resume -t here -m three
[ ! -e "$work/session" ] || fail "a session was kept that nobody asked for"
ok "off by default, and with --tls-resume alone each call proves the chip"

at_work cleat pub "${tls[@]}" "${keep[@]}" -t here -m first -q 1 -r
[ "$(stat -c %a "$work/session")" = 600 ] || fail "others may read the session's file"
at_rest cleat pub "${tls[@]}" "${keep[@]}" -t here -m second -q 1 -r -d
grep -q ', resumed; done by the secure element: 0 key pair, 0 shared secret, 0 signature, 0 verifications, 0 random' \
    "$work/cmd.out" || fail "-d does not say that it is resumed"
at_rest cleat sub "${tls[@]}" "${keep[@]}" -t here -C 1 -W 30
[ "$(cat "$work/cmd.out")" = second ] || fail "sub did not get what pub sent"
at_rest cleat pub "${tls[@]}" "${keep[@]}" -t here -m third
ok "the next call, pub or sub, asks the chip for nothing but its certificate"

kill "$broker_pid" && wait "$broker_pid" 2>/dev/null || true
broker again "$port" "$lines"
at_work cleat pub "${tls[@]}" "${keep[@]}" -t here -m fourth -q 1
at_rest cleat pub "${tls[@]}" "${keep[@]}" -t here -m fifth -q 1
ok "a broker that has forgotten the session gets a full handshake, and a new session"

at_work cleat pub "${tls[@]}" "${keep[@]}" --tls-version tlsv1.3 -t here -m x
at_work cleat pub "${tls[@]}" "${keep[@]}" -t here -m x
chmod 644 "$work/session"
at_work cleat pub "${tls[@]}" "${keep[@]}" -t here -m x
grep -q -- '--tls-session-file: .*others may read it' "$work/cmd.err" || fail "a session that others may read was used"
printf 'damaged' >"$work/session"
chmod 600 "$work/session"
at_work cleat pub "${tls[@]}" "${keep[@]}" -t here -m x
status 0 cleat pub "${tls[@]}" --tls-session-file "$work/no/where" -t here -m x
grep -q -- '--tls-session-file: .*the session is not kept' "$work/cmd.err" || fail "not told that the file cannot be made"
status 1 cleat pub "${tls[@]}" --tls-session-file '' -t here -m x
for option in --tls-resume "--tls-session-file=$work/session"; do
    status 1 cleat pub -p "$port" "$option" -t here -m x
    grep -q -- '--cafile' "$work/cmd.err" || fail "$option without TLS"
done
ok "other settings, a file of others', a damaged one: a full handshake; no TLS: refused"

# Another client of the same name makes the broker hang up on the first.
from=$(wc -l <"$work/chip.err")
background sub cleat sub "${tls[@]}" --tls-resume -i twin -t here -C 2 -d
expect "$work/sub.out" 'received SUBACK'
[ "$(tail -n "+$((from + 1))" "$work/chip.err" | grep -cE 'CalcSign cmd=')" -gt 0 ] || fail "the first connection is no full one"
from=$(wc -l <"$work/chip.err")
other=(-h localhost -p "$port" --cafile "$work/ca.pem" --cert "$work/other.pem" --key "$work/other.key")
# That one may be hung up on in its turn, as soon as ours is back.
mosquitto_pub "${other[@]}" -i twin -t elsewhere -m x 2>/dev/null || true
expect "$work/again.err" 'Client twin already connected'
expect "$work/sub.out" ', resumed; done by the secure element: 0 key pair, 0 shared secret, 0 signature, 0 verifications, 0 random'
end=$((SECONDS + 15))
until [ "$(grep -c 'received SUBACK' "$work/sub.out")" = 2 ]; do
    [ $SECONDS -lt $end ] || fail "sub does not subscribe again"
    sleep 0.05
done
status 0 mosquitto_pub "${other[@]}" -t here -m after
expect "$work/sub.out" '^after$'
[ "$(tail -n "+$((from + 1))" "$work/chip.err" | wc -l)" = 0 ] || fail "the chip was asked for the second connection"
ok "sub comes back after a lost connection without a single transfer to the chip"
