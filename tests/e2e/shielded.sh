#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat run`, `pub` and `sub` over a shielded connection to the chip: they
# work as ever, and the bus shows nothing of what passes. The same greps find it
# on the bus without the shield, so they can fail.
. "$(dirname "$0")/lib.sh"

make_ca ca
issue ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
cleat-chipsim --dir "$work/chip" --print-info >"$work/chip.pem"
cp -r "$work/chip" "$work/bare"
status 0 cleat chip pair --chip "sim:$work/chip" --secret-file "$work/secret" --confirm 0xE140
port=$(free_port)
cat "$work/ca.pem" "$work/chip/factory-ca.pem" >"$work/clients.pem"
broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
settings=(--set MQTT_BROKER_ADDRESS=localhost --set "MQTT_PORT=$port" --set "ROOT_CA_CERTIFICATE=$work/ca.pem" --trace i2c)

# The begin of the certificate: a trace shows the first
# bytes of a transfer.
openssl x509 -in "$work/chip.pem" -outform DER |
    od -An -v -tx1 | tr -d ' \n' | cut -c 1-12 >"$work/begin"
seen() { # seen FILE: is it in the bytes of the trace? (To its end: -q would break the pipe.)
    sed -n 's/^.* i2c *read *[0-9]* //p' "$1" | tr -d ' ' | grep -F "$(cat "$work/begin")" >/dev/null
}
press='press\nwait led on 10\npress\nwait led off 10\nquit\n'
printf "$press" | cleat run --chip "sim:$work/bare" "${settings[@]}" >"$work/bare.out" 2>"$work/bare.err" ||
    fail "the device does not work in the clear"
seen "$work/bare.err" || fail "the certificate is not on the bus in the clear: the test looks at the wrong place"
printf "$press" | cleat run --chip "sim:$work/chip" --shield "$work/secret" "${settings[@]}" >"$work/run.out" 2>"$work/run.err" ||
    fail "the device does not work over a shielded connection"
printf quit | cleat run --chip "sim:$work/chip" "${settings[@]}" --i2c-speed 1000 >"$work/fast.out" 2>"$work/fast.err" ||
    fail "the device does not work at 1000 kHz"
grep -q 'i2c *write *3  89 00 04' "$work/fast.err" || fail "the chip is not switched to fast mode plus"
! seen "$work/run.err" || fail "the certificate is on the bus"
grep -qi "$(cut -c 1-16 "$work/secret")" "$work/run.err" "$work/run.out" && fail "the binding secret is shown"
ok "run: press, broker, LED; nothing of the certificate on the bus"

status 3 cleat run --chip "sim:$work/bare" --shield "$work/secret" "${settings[@]}"
grep -q 'no binding secret' "$work/cmd.out" "$work/cmd.err" || fail "not told that nobody paired the chip"
ok "a chip that nobody paired is refused, not used in the clear"

tls=(-h localhost -p "$port" --cafile "$work/ca.pem" --chip "sim:$work/chip" --shield "$work/secret")
status 0 cleat pub "${tls[@]}" -t here -m kept -r -q 1
status 0 cleat sub "${tls[@]}" -t here -C 1 -W 10
[ "$(cat "$work/cmd.out")" = kept ] || fail "sub did not get what pub sent"
status 1 cleat pub "${tls[@]}" --shield "$work/none" -t here -m lost
grep -q "$work/none" "$work/cmd.err" || fail "not told which file is missing"
for version in tlsv1.3 any; do
    status 0 cleat sub "${tls[@]}" --tls-version "$version" -t here -C 1 -W 10
done
status 1 cleat sub "${tls[@]}" --tls-version tlsv1.1 -t here -C 1 -W 10
grep -q 'not tlsv1.2, tlsv1.3 or any' "$work/cmd.err" || fail "tlsv1.1 is not refused in words"
status 1 cleat pub -p "$port" --tls-version tlsv1.3 -t here -m lost
grep -q -- '--cafile' "$work/cmd.err" || fail "--tls-version without TLS"
ok "pub and sub over a shielded connection, with either version of TLS"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/listca.key" -out "$work/listca.pem" -days 30 \
    -subj "/CN=listca" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign >/dev/null 2>&1
issue listca stolen 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'
mkdir "$work/list" && : >"$work/list/index"
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ndefault_md=sha256\n' "$work/list/index" >"$work/list.cnf"
list() { openssl ca -config "$work/list.cnf" -cert "$work/listca.pem" -keyfile "$work/listca.key" "$@" >/dev/null 2>&1; }
list -gencrl -crldays 30 -out "$work/none.crl"
list -revoke "$work/stolen.pem" && list -gencrl -crldays 30 -out "$work/list.crl"
port=$(free_port)
broker stolen "$port" "cafile $work/clients.pem\ncertfile $work/stolen.pem\nkeyfile $work/stolen.key\nrequire_certificate true\nuse_identity_as_username true"
stolen=(-h localhost -p "$port" --cafile "$work/listca.pem" --chip "sim:$work/chip" -t here -m x)
status 0 cleat pub "${stolen[@]}" --crlfile "$work/none.crl"
status 1 cleat pub "${stolen[@]}" --crlfile "$work/list.crl"
grep -q 'revoked' "$work/cmd.err" || fail "not told that the broker's certificate is revoked"
status 1 cleat pub "${stolen[@]}" --crlfile "$work/no.crl"
grep -q -- '--crlfile' "$work/cmd.err" || fail "not told which option names no file"
ok "--crlfile: a broker whose certificate was revoked is refused"
