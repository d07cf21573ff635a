#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Does what docs/provisioning.md says, command by command, on a virtual chip and
# with Mosquitto; and docs/chip-safety.md's example.
. "$(dirname "$0")/lib.sh"
docs=$PWD/docs
unset CLEAT_CHIP
cd "$work"

# The broker that section 3 takes for granted.
make_ca broker-ca
issue broker-ca broker 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth'

# Each sh block in a file of its own: 01, 02...
awk '/^```sh$/ { inside = 1; n++; next } /^```$/ { inside = 0 }
    inside { print > sprintf("%02d.sh", n) }' "$docs/provisioning.md"
blocks=$(ls ./[0-9]*.sh | wc -l)
[ "$blocks" -ge 12 ] || fail "only $blocks blocks of commands in the document"
export CLEAT_CHIP=sim:bench-chip # as the first block says
started=0
for block in ./[0-9]*.sh; do
    if [ $started = 0 ] && grep -q 'cleat run' "$block"; then
        started=1
        port=$(free_port)
        sed -i "s/^MQTT_PORT = 8883/MQTT_PORT = $port/" ./[0-9]*.sh
        cp ca.pem clients.pem
        broker broker "$port" "cafile $work/clients.pem\ncertfile $work/broker.pem\nkeyfile $work/broker.key\nrequire_certificate true\nuse_identity_as_username true"
    fi
    bash -euo pipefail "$block" >"$block.out" 2>&1 </dev/null || {
        cat "$block" "$block.out" >&2
        fail "the document's block $block"
    }
done
ok "all $blocks blocks of the document, in its order"
grep -qE "u'?device-0001" broker.err || fail "the device never logged in as device-0001"
grep -q 'retired = 0xE0F2' device.conf.renewal || fail "not renewed twice: $(cat device.conf.renewal)"
[ "$(cleat chip read 0xF1E0 --raw)" = 'calibration 2' ] || fail "the update did not arrive"
status 4 cleat chip write 0xF1DA --text other
status 4 cleat chip write 0xF1E0 --text other
[ "$(stat -c %a binding.hex)" = 600 ] || fail "mode of the secret"
ok "what it promises: identity, renewal, update, locks"

# Updates: only the signed ones, only once, only for the object confirmed.
said() {
    local want=$1 pattern=$2
    shift 2
    status "$want" "$@"
    grep -qE -- "$pattern" cmd.err || fail "no words like \"$pattern\": $(cat cmd.err)"
}
build() { cleat chip update build "$@" --anchor 0xE0E8 >/dev/null; }
said 4 'has version 1 already' cleat chip update apply data.update --confirm 0xF1E0
printf 'calibration 3' >data
build 0xF1E0 --file data --signer update.key --version 2 --out two.update
said 6 'no update of that version or an older one' cleat chip update apply two.update
said 6 'does not name' cleat chip update apply two.update --confirm 0xF1E1
said 6 'lab keeps' cleat chip update apply two.update --confirm 0xF1E0 --lab
build 0xF1E0 --file data --signer ca.key --version 2 --out forged.update
said 7 'not by the key of the trust anchor' cleat chip update apply forged.update --confirm 0xF1E0
head -c -5 two.update >cut.update
said 1 'no protected update' cleat chip update apply cut.update --confirm 0xF1E0
uid=$(cleat chip info | sed -n 's/^UID: //p')
build 0xF1E0 --file data --signer update.key --version 2 --out other.update --uid "00${uid:2}"
said 4 'does not fit' cleat chip update apply other.update --confirm 0xF1E0
build 0xF1D6 --file data --signer update.key --version 2 --out wrong.update
[ "$(cleat chip read 0xF1E0 --raw)" = 'calibration 2' ] || fail "a refused update changed the object"
build 0xF1E0 --file data --signer update.key --version 2 --out mine.update --uid "$uid"
status 0 cleat chip update show mine.update --json
grep -q '"only_for"' cmd.out || fail "show does not tell the chip"
status 0 cleat chip update apply mine.update --confirm 0xF1E0
[ "$(cleat chip read 0xF1E0 --raw)" = 'calibration 3' ] || fail "the second update"
# Encrypted, and of metadata, where the object was prepared.
printf '%064d' 7 >shared.hex
cleat chip write 0xF1D8 --hex "$(cat shared.hex)" --lab >/dev/null
cleat chip metadata set 0xF1D8 --type 'protected update secret' --read never --execute always --lab >/dev/null
cleat chip metadata set 0xF1E1 --change 'Int(0xE0E8) and Conf(0xF1D8)' --lab >/dev/null
build 0xF1E1 --text 'nobody on the bus reads this' --signer update.key --version 1 --out sealed.update --key 0xF1D8 --secret-file shared.hex
! grep -q 'nobody on the bus' sealed.update || fail "it is not encrypted"
status 0 cleat chip update apply sealed.update --confirm 0xF1E1
[ "$(cleat chip read 0xF1E1 --raw)" = 'nobody on the bus reads this' ] || fail "sealed update"
cleat chip metadata set 0xF1D9 --update 'Int(0xE0E8)' --reset 11 --lab >/dev/null
cleat chip metadata set 0xF1D9 --life-cycle operational --confirm 0xF1D9 >/dev/null 2>&1
build 0xF1D9 --metadata --read never --signer update.key --version 1 --out meta.update
status 0 cleat chip update apply meta.update --confirm 0xF1D9
status 0 cleat chip metadata show 0xF1D9
grep -q '^read: never' cmd.out || fail "metadata by update"
ok "protected updates: data, sealed, metadata; forged, old, cut, of another chip refused"

# The example of the safety page is what is really said.
rm -rf bench-chip
cleat chip info >/dev/null
status 6 cleat chip metadata set 0xE0E1 --life-cycle operational
awk '/^\$ cleat chip metadata set 0xE0E1/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$docs/chip-safety.md" |
    diff - cmd.err || fail "docs/chip-safety.md shows other words"
ok "the safety page's example, word for word"

# Trace tells each transfer and no secret.
status 0 cleat chip trace info
grep -qE 'GetDataObject param 00, 6 bytes, object 0xE0C2' cmd.err || fail "no command in the trace"
grep -qE '^[0-9]+ transfers$' cmd.err || fail "no sum"
status 0 cleat chip trace pair --secret-file traced.hex --confirm 0xE140
grep -q 'SetDataObject param 40, 68 bytes, object 0xE140' cmd.err || fail "no write in the trace"
secret=$(head -c 32 traced.hex)
! tr -d ' ' <cmd.err | grep -qi "$secret" || fail "the trace shows the secret"
ok "trace: register, frame, command, object; never what is carried"
