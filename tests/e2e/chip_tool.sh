#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `cleat chip` on a virtual chip: what it changes, that every typing error that
# could ruin a chip is caught, exit statuses by cause, --json, one process at a
# time.
. "$(dirname "$0")/lib.sh"

export CLEAT_CHIP=sim:$work/chip
chip() { cleat chip "$@"; }
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$work/cmd.out" "$1"; }
# unchanged COMMAND...: it does not touch the chip.
# Without what moves by itself: the security event counter (0xE0C5), the last
# error (0xF1C2) and the sum.
state() {
    python3 -c 'import re, sys
d = bytearray(open(sys.argv[1], "rb").read()[:-32]); d[35] = 0
for oid in (b"\xe0\xc5", b"\xf1\xc2"):
    at = d.index(oid + b"\0", 36) + 2
    d[at + 2 + d[at + 1] + 2] = 0
sys.stdout.buffer.write(d)' "$work/chip/chip.state" | sha256sum
}
untouched() { # untouched STATUS PATTERN ARGS...
    local want=$1 pattern=$2 before
    shift 2
    before=$(state)
    status "$want" cleat chip "$@"
    grep -qE -- "$pattern" "$work/cmd.err" || {
        cat "$work/cmd.err" >&2
        fail "no words like \"$pattern\" from: cleat chip $*"
    }
    [ "$before" = "$(state)" ] || fail "the chip was changed by: cleat chip $*"
}

status 0 chip info
uid=$(sed -n 's/^UID: //p' "$work/cmd.out")
grep -q '^pairing: open' "$work/cmd.out" || fail "no pairing in info"
grep -qE '^firmware: 80101071, build 2440 \(V3\)' "$work/cmd.out" || fail "no firmware"
status 0 chip objects
grep -q '0xE140 platform binding secret' "$work/cmd.out" || fail "no map"
ok "info decodes the UID and tells pairing; objects shows the map"

# --- write -----------------------------------------------------------------
status 0 chip write 0xF1D0 --text hello
grep -q '5 bytes written and read back' "$work/cmd.out" || fail "write is not checked"
[ "$(chip read 0xF1D0 --raw)" = hello ] || fail "text"
before=$(state)
status 0 chip write 0xF1D0 --text hello
grep -q 'nothing written' "$work/cmd.out" || fail "the same was written again"
[ "$before" = "$(state)" ] || fail "the chip's memory was worn"
status 0 chip write 0xF1D0 --hex 4A --offset 0
[ "$(chip read 0xF1D0 --raw)" = Jello ] || fail "--offset must keep the rest"
status 0 chip write 0xF1D0 --hex 4a
[ "$(chip read 0xF1D0 --raw)" = J ] || fail "without --offset the old tail must go"
head -c 1500 /dev/urandom >"$work/blob"
status 0 chip write 0xF1E0 --file "$work/blob"
chip read 0xF1E0 --raw | cmp - "$work/blob" || fail "1500 bytes"
printf piped | cleat chip write 0xF1D1 --file - >/dev/null
[ "$(chip read 0xF1D1 --raw)" = piped ] || fail "standard input"
status 0 chip write 0xE0C4 --hex 0F
status 0 chip info
grep -q '^current limit: 15 mA' "$work/cmd.out" || fail "current limit"
ok "write: text, hex, file, standard input, offset; read back; not twice"

# Typing errors in what is written.
untouched 2 'even number of hex' write 0xF1D0 --hex 4A5
untouched 2 'even number of hex' write 0xF1D0 --hex "4A 5B"
untouched 2 'even number of hex' write 0xF1D0 --hex 0x4A
untouched 2 'even number of hex' write 0xF1D0 --hex ""
untouched 2 'one of --hex' write 0xF1D0
untouched 2 'one of --hex' write 0xF1D0 --hex 4A --text J
untouched 2 'is empty|1 to' write 0xF1D0 --text ""
untouched 2 'is empty' write 0xF1D0 --file /dev/null
untouched 2 'not an object' write F1D0x --hex 00
untouched 2 'not an object' write 0xF1D --hex 00
untouched 2 'not an object' write 61904 --hex 00
untouched 2 'given twice' write 0xF1D0 --hex 00 --hex 01
untouched 2 'does not go with' write 0xF1D0 --hex 00 --threshold 1
untouched 2 'does not go with' read 0xF1D0 --confirm 0xF1D0
untouched 2 'it takes an object' write 0xF1D0 0xF1D1 --hex 00
untouched 2 'no verb' wirte 0xF1D0 --hex 00
untouched 4 'room for 140 bytes' write 0xF1D0 --file "$work/blob"
untouched 4 'room for 140 bytes' write 0xF1D0 --offset 139 --hex 0000
untouched 4 'cannot be changed any more' write 0xE0E0 --hex 00
untouched 4 'room for 27' write 0xE0C2 --file "$work/blob"
untouched 5 'no such object|invalid OID|`cleat chip objects`' write 0x1234 --hex 00
untouched 7 'not the element that --uid names' write 0xF1D0 --hex 00 --uid "${uid%??}41"
status 0 chip write 0xF1D0 --hex 00 --uid "$uid"
ok "typing errors in write: told, the chip untouched"

# --- the safety catch ------------------------------------------------------
# What would end the chip is not done at all, confirmed or not.
for o in 0xE0C0 0xF1C0; do
    untouched 4 'not done at all' write $o --hex 0F
    untouched 4 'not done at all' write $o --hex 0F --confirm $o
    untouched 4 'not done at all' write $o --hex 0F --confirm $o --lab
done
untouched 4 'never goes back' write 0xE0C0 --hex 01 --confirm 0xE0C0
untouched 4 'room for 1 bytes' write 0xE0C0 --hex 0707 --confirm 0xE0C0
untouched 6 'from creation to operational, and never back' write 0xF1C0 --hex 07
untouched 4 'cleat chip pair' write 0xE140 --hex "$(printf '00%.0s' $(seq 64))"
untouched 4 'cleat chip pair' write 0xE140 --hex "$(printf '00%.0s' $(seq 64))" --confirm 0xE140
# Life cycle: a dry run in words unless the object is typed in full.
op=(metadata set 0xE0E1 --life-cycle operational)
untouched 6 'never back' "${op[@]}"
untouched 6 'can never be changed again' "${op[@]}"
untouched 6 'writing it becomes impossible for ever' "${op[@]}"
untouched 6 'say so: --confirm 0xE0E1' "${op[@]}"
for typo in 0xE0E0 0xE0E E0E1 57569 0xE0E11 yes "" "0xE0E1 " 0XE0E1x; do
    untouched 6 'does not name the object' "${op[@]}" --confirm "$typo"
done
untouched 6 'lab keeps everything rewritable' "${op[@]}" --confirm 0xE0E1 --lab
untouched 6 'lab keeps everything rewritable' "${op[@]}" --lab
untouched 0 'dry run, nothing was changed' "${op[@]}" --dry-run
untouched 0 'dry run, nothing was changed' "${op[@]}" --dry-run --confirm 0xE0E1
untouched 6 'nobody can use the object again' metadata set 0xF1DB --life-cycle termination
untouched 4 'never goes back' metadata set 0xE120 --life-cycle creation --confirm 0xE120
untouched 4 'no longer be written' metadata set 0xE0C2 --read never --confirm 0xE0C2
# Conditions.
untouched 6 'writing it becomes impossible' metadata set 0xF1D2 --change never
untouched 6 'reading it becomes impossible' metadata set 0xF1D2 --read never
untouched 6 'possible only with Conf\(0xE140\)' metadata set 0xF1D2 --read 'Conf(0xE140)'
untouched 6 'becomes impossible' metadata set 0xF1D2 --read 'Conf(0xE14F)' # there is no such object
untouched 6 'using the key becomes impossible' metadata set 0xE0F1 --execute never
untouched 6 'becomes impossible' metadata set 0xF1D2 --read 'Luc(0xE120)' # its threshold is 0
untouched 6 'the object becomes: platform binding secret' metadata set 0xF1D2 --type 'platform binding secret'
untouched 6 'of a version up to 9' metadata set 0xF1D2 --version 9
untouched 2 'is no condition' metadata set 0xF1D2 --read nevr
untouched 2 'is no condition' metadata set 0xF1D2 --read 'LcsO < operationl'
untouched 2 'is no condition' metadata set 0xF1D2 --read 'Conf(0xE14)'
untouched 2 'is no condition' metadata set 0xF1D2 --read 'Conf(0xE1400)'
untouched 2 'is no condition' metadata set 0xF1D2 --read ''
untouched 2 'and, or' metadata set 0xF1D2 --read 'always xor never'
untouched 2 'always or never beside' metadata set 0xF1D2 --read 'always or Conf(0xE140)'
untouched 2 'no such word' metadata set 0xF1D2 --life-cycle opertional
untouched 2 'no such word' metadata set 0xF1D2 --type anchor
untouched 2 'joined by commas' metadata set 0xE0F1 --usage sgn
untouched 2 'nothing to set' metadata set 0xF1D2
untouched 2 'not a number' metadata set 0xF1D2 --version 40000
# The other object's confirmation, copied from the line before.
untouched 6 'does not name' metadata set 0xF1D3 --read never --confirm 0xF1D2
ok "safety catch: dry run in words, nothing without the object typed in full"

# --- what is confirmed is done, and --lab what can be taken back ------------
status 0 chip metadata set 0xF1D2 --read never --lab
status 4 chip read 0xF1D2
grep -q 'access conditions' "$work/cmd.err" || fail "denied without words"
untouched 6 'reading it becomes possible' metadata set 0xF1D2 --read always
status 0 chip metadata set 0xF1D2 --read always --confirm 0xf1d2
status 0 chip write 0xF1D2 --text back
[ "$(chip read 0xF1D2 --raw)" = back ] || fail "--lab took something for ever"
status 0 chip metadata set 0xF1DA --life-cycle operational --confirm 0xF1DA
untouched 4 'cannot be changed any more' write 0xF1DA --hex 00
untouched 4 'no longer be written' metadata set 0xF1DA --read never --confirm 0xF1DA
status 0 chip metadata show 0xF1DA --json
[ "$(json 'd["life_cycle"], d["ok"], d["exit_status"]')" = "('operational', True, 0)" ] || fail "metadata as JSON"
# A secret that cannot be read back is not overwritten by accident.
status 0 chip write 0xF1D4 --text secret
status 0 chip metadata set 0xF1D4 --read never --lab
untouched 6 'cannot be read, so it is lost for ever' write 0xF1D4 --text other
# Each write uses up a counter.
status 0 chip counter set 0xE120 --threshold 3 --confirm 0xE120
status 0 chip metadata set 0xF1D5 --change 'Luc(0xE120)' --lab
untouched 6 'uses up one count of 0xE120' write 0xF1D5 --hex 01
status 0 chip write 0xF1D5 --hex 01 --confirm 0xF1D5
status 0 chip counter show 0xE120 --json
[ "$(json 'd["count"], d["threshold"], d["left"]')" = "(1, 3, 2)" ] || fail "counter as JSON"
untouched 6 'sets a counter' counter set 0xE121 --threshold 5
status 0 chip counter add 0xE120 1
untouched 6 'reaches its threshold 3 and freezes' counter add 0xE120 1
untouched 6 'reaches its threshold 3 and freezes' counter add 0xE120 200
untouched 2 'not a number' counter add 0xE120 256
untouched 2 'not a number' counter add 0xE120 0
untouched 2 'not a number' counter add 0xE120 -- -1
status 0 chip counter add 0xE120 1 --confirm 0xE120
untouched 4 'counts no further' counter add 0xE120 1 --confirm 0xE120
untouched 4 'not a counter' counter show 0xF1D0
ok "confirmed changes are made; --lab only what can be taken back; counters"

# --- keys ------------------------------------------------------------------
chip keygen 0xE0F1 >"$work/pub.pem"
openssl pkey -pubin -in "$work/pub.pem" -noout || fail "no public key"
untouched 6 'key in it is destroyed for ever' keygen 0xE0F1
untouched 6 'key in it is destroyed for ever' keygen 0xE0F1 --lab
untouched 4 'its key is there for ever' keygen 0xE0F0 --confirm 0xE0F0
untouched 2 'p256, p384' keygen 0xE0F2 --curve p265
status 0 chip keygen 0xE0F1 --out "$work/pub.pem" --confirm 0xE0F1
status 0 chip keygen 0xE0F2 --curve p384 --usage sign,agree --json
[ "$(json 'd["curve"], "BEGIN PUBLIC KEY" in d["public_key"]')" = "('secp384r1', True)" ] || fail "keygen as JSON"
echo message >"$work/message"
status 0 chip sign 0xE0F1 --file "$work/message" --out "$work/sig"
openssl dgst -sha256 -verify "$work/pub.pem" -signature "$work/sig" "$work/message" >/dev/null || fail "openssl does not take the signature"
status 0 chip verify --public-key "$work/pub.pem" --signature "$work/sig" --file "$work/message"
status 7 chip verify --public-key "$work/pub.pem" --signature "$work/sig" --text other
status 0 chip sign 0xE0F0 --digest "$(sha256sum <"$work/message" | cut -c1-64)" --out "$work/sig0"
status 0 chip verify 0xE0E0 --signature "$work/sig0" --file "$work/message"
status 7 chip verify 0xE0E0 --signature "$work/sig" --file "$work/message"
status 7 chip verify 0xE0E0 --signature "$work/message" --file "$work/message"
status 2 chip verify 0xE0E0 --signature "$work/none" --file "$work/message"
for curve in p521:sha512 bp256:sha256 bp384:sha384 bp512:sha512; do
    status 0 chip keygen 0xE0F3 --curve ${curve%:*} --out "$work/wide.pem" --confirm 0xE0F3
    status 0 chip sign 0xE0F3 --file "$work/message" --out "$work/wide.sig"
    openssl dgst "-${curve#*:}" -verify "$work/wide.pem" -signature "$work/wide.sig" "$work/message" >/dev/null ||
        fail "openssl does not take a signature with $curve"
    status 0 chip verify --public-key "$work/wide.pem" --signature "$work/wide.sig" --file "$work/message"
    status 7 chip verify --public-key "$work/wide.pem" --signature "$work/wide.sig" --text other
    cleat cert csr --key 0xE0F3 --subject /CN=wide | openssl req -verify -noout 2>/dev/null || fail "CSR with $curve"
done
status 2 chip sign 0xE0F0 --digest 00
status 4 chip sign 0xE0FC --text x
[ "$(chip sign 0xE0F0 --text x --raw | head -c 1 | od -An -tx1)" = ' 30' ] || fail "--raw"
ok "keygen, sign, verify: with OpenSSL as witness, P-256, P-384, P-521, Brainpool"

# --- pairing ---------------------------------------------------------------
untouched 2 'secret-file' pair
untouched 6 'for ever: it can never be read' pair --secret-file "$work/secret"
[ ! -e "$work/secret" ] || fail "a dry run left a secret"
untouched 6 'does not name' pair --secret-file "$work/secret" --confirm 0xE0E0
echo short >"$work/bad"
untouched 2 'holds no secret' pair --secret-file "$work/bad" --confirm 0xE140
status 0 chip pair --secret-file "$work/lab" --lab
status 0 chip info
grep -q '^pairing: open' "$work/cmd.out" || fail "--lab locked the chip"
status 0 chip pair --secret-file "$work/secret" --confirm 0xE140
[ "$(stat -c %a "$work/secret")" = 600 ] || fail "others can read the secret"
[ "$(wc -c <"$work/secret")" = 129 ] || fail "the secret has no 64 bytes"
! grep -qiF "$(head -c 128 "$work/secret")" "$work/cmd.out" "$work/cmd.err" || fail "the secret was printed"
status 0 chip info --json
[ "$(json 'd["pairing"][:6]')" = locked ] || fail "not paired"
untouched 4 'paired already' pair --secret-file "$work/again" --confirm 0xE140
[ ! -e "$work/again" ] || fail "a secret that nothing has"
# Objects that demand the secret, and who has it.
status 0 chip metadata set 0xF1D7 --read 'Conf(0xE140)' --lab
status 0 chip write 0xF1D7 --text private
status 4 chip read 0xF1D7
status 0 chip read 0xF1D7 --raw --shield "$work/secret"
[ "$(cat "$work/cmd.out")" = private ] || fail "shielded read"
status 0 cleat cert show --shield "$work/secret"
tr 0-9 1-90 <"$work/secret" >"$work/wrong"
chmod 600 "$work/wrong"
status 3 chip read 0xF1D7 --shield "$work/wrong"
grep -q 'for this very chip' "$work/cmd.err" || fail "a wrong secret is not told"
status 2 chip read 0xF1D7 --shield "$work/none"
status 2 chip read 0xF1D7 --shield "$work/message"
status 0 chip trace read 0xF1D7 --shield "$work/secret"
grep -q 'shielded: record 23' "$work/cmd.err" || fail "not shielded by the trace"
status 0 cleat chip trace read 0xF1D7 --shield "$work/secret" --i2c-speed 1000
grep -qi 'MAX_SCL_FREQU 00 00 03 e8' "$work/cmd.err" || fail "the chip is not in fast mode plus at 1000 kHz"
status 0 cleat chip trace read 0xF1D7 --shield "$work/secret" --i2c-speed 100
! grep -q 'I2C_MODE' "$work/cmd.err" || fail "the chip's mode is changed for 100 kHz"
status 2 cleat chip info --i2c-speed 1001
ok "pair: dry run, --lab without the lock, for ever with --confirm 0xE140; --shield"

# --- selftest, exit statuses, JSON -----------------------------------------
status 0 chip selftest
[ "$(grep -c '^ok ' "$work/cmd.out")" = 11 ] || fail "not every check ran"
before=$(state)
status 0 chip selftest --json
[ "$before" = "$(state)" ] || fail "the self test changed the chip"
[ "$(json 'd["ok"], [k["result"] for k in d["checks"] if k["check"] != "aes"] == ["ok"] * 11')" = "(True, True)" ] || fail "selftest as JSON"
# A question answered wrongly once: that a second try would work excuses nothing.
self_test() { # self_test STATUS OPTIONS...: on a chip that misbehaves so
    local want=$1
    shift
    rm -rf "$work/faulty"*
    background faulty cleat-chipsim --dir "$work/faulty" --listen "$work/faulty.sock" "$@"
    expect "$work/faulty.out" listening
    status "$want" cleat chip selftest --chip "unix:$work/faulty.sock"
    kill "$last"
    wait "$last" 2>/dev/null || true
}
self_test 0 --trace
sed -nE 's/^0*([0-9]+) W .*GetDataObject.*object=(....).*/\1 \2/p' "$work/faulty.err" >"$work/questions"
[ "$(grep -cE ' (e0c2|e0e0|e0f0|e140|f1d0|e200|e0c5)$' "$work/questions")" = 9 ] || fail "the self test asks: $(cat "$work/questions")"
while read -r at object; do
    self_test 1 --fault "outlen@$at"
    grep -q '^FAILED' "$work/cmd.out" || fail "no word of a wrong answer about $object: $(cat "$work/cmd.out")"
    case $object in
    e0c5) grep -q '^FAILED .*security event counter' "$work/cmd.out" ;;
    e200) grep -q '^FAILED .*AES' "$work/cmd.out" ;;
    e0f0 | e140 | f1d0) grep -q '^FAILED .*metadata' "$work/cmd.out" ;;
    esac || fail "the wrong answer about $object is told elsewhere: $(cat "$work/cmd.out")"
done <"$work/questions"
status 1 chip selftest --key 0xE0F1
grep -q 'not the one of the certificate' "$work/cmd.out" || fail "a wrong pair passes the self test"
status 2 chip info --chip nonsense
status 3 chip info --chip "unix:$work/none"
status 4 chip read 0xE0F0
status 5 chip read 0x1234
status 7 chip verify-identity --key 0xE0F1
status 7 chip verify-identity --key 0xE0F1 --json
[ "$(json 'd["ok"], d["exit_status"], "not the one" in d["error"], "cleat cert csr" in d["remedy"]')" = "(False, 7, True, True)" ] || fail "errors as JSON"
for verb in "list" "info" "objects" "cert" "random 8" "read 0xE0C2" "metadata show 0xE0F0" "counter show 0xE121" \
    "verify-identity" "sign 0xE0F0 --text x" "write 0xF1D0 --text x" "metadata set 0xF1D0 --read always" "write 0xE0C0 --hex 0F"; do
    cleat chip $verb --json >"$work/cmd.out" 2>/dev/null || true
    [ "$(json '"ok" in d and "exit_status" in d')" = True ] || fail "--json of $verb"
done
ok "selftest; exit statuses by cause; --json with every verb, errors too"

# --- one process at a time -------------------------------------------------
hold() { # hold FILE MARK: lock it until killed; the process id is in $last
    (flock 9 && echo x >"$2" && exec sleep 60) 9>>"$1" &
    last=$!
    pids+=("$last")
    expect "$2" x
}
hold "$work/chip/lock" "$work/held"
holder=$last
status 8 chip info
grep -qE "in use by (process [0-9]+|another process).*--wait" "$work/cmd.err" || fail "who has it is not told"
status 8 chip info --wait 1
hold "$work/node" "$work/held2"
status 8 chip info --chip "i2c:$work/node"
(sleep 1 && kill "$holder") &
status 0 chip info --wait 20
background server cleat-chipsim --dir "$work/served" --listen "$work/socket"
expect "$work/server.out" .
python3 -c 'import socket,sys,time
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(64)
open(sys.argv[2], "w").write("x\n"); time.sleep(60)' "$work/socket" "$work/held3" &
pids+=("$!")
expect "$work/held3" x
status 8 chip info --chip "unix:$work/socket"
grep -q 'in use by another process' "$work/cmd.err" || fail "the socket's user is not told"
ok "one process at a time: who has the chip is told, --wait waits"
