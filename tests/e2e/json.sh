#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# --json: each command that knows it prints one JSON document whatever happens,
# with "ok" and "exit_status", and with "error" when it failed. The commands and
# verbs come from the help texts, so that a new one cannot be left out.
. "$(dirname "$0")/lib.sh"
cd "$work"
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
export CLEAT_CHIP=sim:$work/chip
make_ca ca
cleat chip info >/dev/null
mkdir documents
calls=0

# one STATUS WORDS...: keep the document of `cleat WORDS --json` for sound().
one() {
    local want=$1 got=0
    shift
    timeout 60 cleat "$1" --json "${@:2}" >cmd.out 2>cmd.err </dev/null || got=$?
    [ "$want" = any ] || [ "$want" = "$got" ] || fail "status $got, not $want: $*: $(cat cmd.err)"
    calls=$((calls + 1))
    { printf '%s %q\n' "$got" "$*" && cat cmd.out; } >"documents/$calls"
    ! grep -q 'Sanitizer\|runtime error' cmd.err || fail "$*: $(head -c 2000 cmd.err)"
    echo "$*" >>tried
}

# All documents at once: starting the reader takes longer than the call.
sound() {
    python3 - <<'END' || fail "not one sound document"
import json, os, sys
bad = 0
for name in sorted(os.listdir("documents"), key=int):
    with open("documents/" + name, encoding="utf-8") as f:
        status, call = f.readline().rstrip("\n").split(" ", 1)
        text = f.read()
    try:
        document = json.loads(text)
        bare = isinstance(document, list) or "Statement" in document
        assert status == "0" or not bare, "no object"
        if not bare:
            assert document["ok"] == (status == "0"), "ok"
            assert document["exit_status"] == int(status), "exit_status"
            assert status == "0" or document["error"], "error"
    except (ValueError, KeyError, AssertionError) as e:
        print("cleat", call, "--json, status", status, repr(e), text[:300], file=sys.stderr)
        bad += 1
sys.exit(bad > 0)
END
    rm documents/*
    ok "$1"
}

# ---- what there is ----
verbs() { # verbs COMMAND [VERB]: as its help shows them, or what follows one
    cleat completion words "$@" "" | cut -f 1 | grep -v "^[-:]"
}
cleat --help | sed -n 's/^  \([a-z]*\) .*/\1/p' >commands
grep -qx chip commands && grep -qx doctor commands || fail "no commands in the help"
: >known
while read -r command; do
    cleat "$command" --help >help # in a pipe it would be cut off at the first match
    ! grep -q -- --json help || echo "$command" >>known
done <commands
expect known '^chip$' 0
for command in run kit pub sub completion; do
    sed -i "/^$command\$/d" commands
done
diff commands known || fail "a command has no --json"

# ---- calls that cannot be right ----
while read -r command; do
    one 2 "$command" --no-such-option
    one any "$command" no-such-verb
    grep -q '"ok":.false' cmd.out || fail "$command no-such-verb"
    one any "$command" --chip usb:7
done <known
for command in chip cert; do
    for verb in $(verbs $command | sort -u); do
        words=("$verb")
        [[ " metadata counter update " != *" $verb "* ]] || mapfile -t words < <(verbs "$command" "$verb")
        for second in "${words[@]}"; do
            call=("$command" "$verb" "$second")
            [ "$second" != "$verb" ] || call=("$command" "$verb")
            one any "${call[@]}" --wait x
            one any "${call[@]}" a b c d e
            one any "${call[@]}" 0xE0E1 --chip sim:/nowhere/at/all
        done
    done
done
status 2 cleat config list --config --json
[ ! -s cmd.out ] || fail "a file called --json is no wish for JSON"
sound "wrong calls of every command and verb, and an element that is not there"

# ---- the virtual chip, and what may go wrong in it ----
printf x >message
printf "of sixteen bytes" >block
openssl dgst -sha256 -binary message | od -An -tx1 | tr -d ' \n' >digest
one 0 chip list
one 0 chip info
one 0 chip objects
one 0 chip read 0xE0C2
one 5 chip read 0xE0DD
one 2 chip read 0xE0C2 --raw
one 0 chip metadata show 0xE0E0
one 5 chip metadata show 0xE0DD
one 0 chip metadata set 0xF1D1 --read always --lab
one 6 chip metadata set 0xF1D1 --life-cycle operational
one 0 chip metadata set 0xF1D1 --life-cycle operational --dry-run
one 0 chip counter show 0xE120
one 6 chip counter set 0xE120 --count 0 --threshold 3
one 0 chip counter set 0xE120 --count 0 --threshold 3 --confirm 0xE120
one any chip counter add 0xE120 1 --confirm 0xE120
one 0 chip cert
one 5 chip cert --object 0xE0E2
one 0 chip random 32
one 2 chip random 0
one 2 chip random 8 --raw
one 0 chip verify-identity
one 7 chip verify-identity --uid "$(printf '%054d' 0)"
one 0 chip selftest
one 0 chip trace info
one 0 chip keygen 0xE0F1 --confirm 0xE0F1
one 6 chip keygen 0xE0F1
one 0 chip sign 0xE0F1 --file message --hash sha256
one any chip sign 0xE0F3 --file message --hash sha256
one 2 chip sign 0xE0F1 --digest zz
one 0 chip sign 0xE0F0 --digest "$(cat digest)" --out signature
cleat chip sign 0xE0F0 --digest "$(cat digest)" --raw >signature
one 0 chip verify --signature signature --digest "$(cat digest)"
one 7 chip verify --signature signature --digest "$(printf '%064d' 0)"
one 0 chip keygen 0xE0FC --type rsa1024 --usage enc --confirm 0xE0FC
one 4 chip keygen 0xE200 --type aes128 --usage enc --confirm 0xE200
one 0 chip metadata set 0xE200 --change always --lab
one 0 chip keygen 0xE200 --type aes128 --usage enc --confirm 0xE200
one 0 chip encrypt 0xE200 --file block --iv "$(printf '%032d' 0)"
one 2 chip encrypt 0xE200 --file message --iv "$(printf '%032d' 0)"
one 0 chip cmac 0xE200 --file message
one 0 chip hash 0xE0E0
one any chip hmac 0xF1D0 --file message
one any chip derive 0xF1D0 --length 16
one any chip decrypt 0xE0FC --file message
one 0 chip write 0xF1D0 --text hello --lab
one 2 chip write 0xF1D0
one any chip write 0xE0C2 --hex 00 --confirm 0xE0C2
one 0 chip pair --secret-file secret --dry-run
one 6 chip pair --secret-file secret
one 1 chip update show message
one 1 chip update apply message
one any chip update build 0xF1E0 --text x --anchor 0xE0E8 --version 1 --out x.update
openssl ecparam -name prime256v1 -genkey -noout -out signer.key
one 0 chip update build 0xF1E0 --text x --anchor 0xE0E8 --signer signer.key --version 1 --out x.update
one 0 chip update show x.update
one any chip update apply x.update --confirm 0xF1E0
grep -q '"ok":.false' cmd.out || fail "an update without its trust anchor"
sound "cleat chip: what works and what is refused"

one 0 cert show
one 5 cert show --object 0xE0E2
one 0 cert csr --subject /CN=x
one 2 cert csr --subject x
one any cert write ca.pem --object 0xE0E1
grep -q '"exit_status":.7' cmd.out || fail "a certificate for another key"
printf 'CHIP = sim:%s/chip\n' "$work" >cleat.conf
one 0 cert renew status
one any cert renew abort
one any cert renew --issue false
one any cert renew finish ca.pem
sound "cleat cert"

one 0 config list
one 2 config list --set MQTT_PORT=0
one 0 config list --set "MQTT_PUB_TOPIC=$(printf 'caf\351 \001 "')"
one 2 config check
one 0 config check --set MQTT_BROKER_ADDRESS=localhost --set ROOT_CA_CERTIFICATE=ca.pem
one 2 config markdown
sound "cleat config, with a value that is not UTF-8"

one 0 doctor --causes
one 2 doctor
one 16 doctor --set MQTT_BROKER_ADDRESS=localhost --set ROOT_CA_CERTIFICATE=ca.pem --set "MQTT_PORT=$(free_port)"
one any doctor --set "MQTT_BROKER_ADDRESS=$(printf 'caf\351')" --set ROOT_CA_CERTIFICATE=ca.pem
sound "cleat doctor"

printf 'serial\nA\nB\n' >list.csv
one 2 factory list.csv
one 2 factory nothing.csv --ca-cert ca.pem --ca-key ca.key
one 0 factory list.csv --ca-cert ca.pem --ca-key ca.key --dry-run
one 0 factory list.csv --ca-cert ca.pem --ca-key ca.key
one 1 factory list.csv --ca-cert ca.pem --ca-key ca.key --replace --key 0xE0F0 --certificate 0xE0E0 --manifest other
printf 'serial,chip\nA,sim:%s/chip\n' "$work" >used.csv
one 6 factory used.csv --ca-cert ca.pem --ca-key ca.key --replace
printf 'serial,chip\nA,usb:7\n' >broken.csv
one any factory broken.csv --ca-cert ca.pem --ca-key ca.key
sound "cleat factory"

aws=(--set MQTT_BROKER_ADDRESS=localhost --set ROOT_CA_CERTIFICATE=ca.pem)
one 0 aws policy "${aws[@]}"
one 2 aws policy --claim
one 0 aws register multi-account "${aws[@]}"
one 1 aws register multi-account "${aws[@]}"
one 2 aws register pigeon "${aws[@]}"
one any aws provision "${aws[@]}"
one any aws provision --template t "${aws[@]}" --confirm 0xE0F1
one any aws provision --template t "${aws[@]}"
sound "cleat aws"

one 1 bench -p "$(free_port)" --timeout 1
one 2 bench -t '#'
port=$(free_port)
broker plain "$port" 'allow_anonymous true'
one 0 bench -p "$port" -n 20
sound "cleat bench"

# ---- nothing was left out ----
for command in chip cert aws config; do
    for verb in $(verbs $command | sort -u); do
        grep -qE "^$command (trace )?$verb( |\$)" tried || fail "$command $verb was not tried"
    done
done
echo "$(sort -u tried | wc -l) calls"
